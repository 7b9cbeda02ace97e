package memory

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// Transport is the transport of one member of a Network.
type Transport struct {
	network *Network
	self    keys.Public
	links   map[keys.Public]*link // incoming links by sender; the map itself never changes

	sentBytes, sentFrames, receivedBytes, receivedFrames, gossipSentBytes, dropped atomic.Uint64
}

var _ transport.Transport = (*Transport)(nil)

// ErrRunning reports a call of Run for a key that is not a member's, or whose member is running
// already.
var ErrRunning = errors.New("run transport: the key is not a member of the network, or its member is running already")

// Run implements transport.Transport.
func (t *Transport) Run(ctx context.Context, receiver transport.Receiver) error {
	if !t.network.join(t) {
		return ErrRunning
	}
	var links sync.WaitGroup
	for _, l := range t.links {
		links.Go(func() { l.run(ctx, t, receiver) })
	}
	<-ctx.Done()
	t.network.leave(t)
	links.Wait()
	return nil
}

// Send implements transport.Transport.
func (t *Transport) Send(to keys.Public, frame []byte) bool {
	peer := t.network.peer(t, to)
	if peer == nil || len(frame) > t.network.config.MaxFrameBytes ||
		!t.network.deliver(peer, Frame{From: t.self, To: to, Data: frame}, nil) {
		t.dropped.Add(1)
		return false
	}
	t.count(frame)
	return true
}

// HasRoom implements transport.Transport. Queues are bounded in frames, not in bytes.
func (t *Transport) HasRoom(to keys.Public, _ int) bool {
	peer := t.network.peer(t, to)
	return peer != nil && peer.links[t.self].hasRoom()
}

func (t *Transport) count(frame []byte) {
	t.sentFrames.Add(1)
	t.sentBytes.Add(uint64(len(frame)))
}

// gossip tracks one published frame. A member that accepts it forwards it to the members that it
// has not reached yet: none, if all are connected to the publisher.
type gossip struct {
	mu      sync.Mutex
	reached map[keys.Public]bool
}

// claim marks a member as reached, and reports whether it was not before.
func (g *gossip) claim(member keys.Public) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	first := !g.reached[member]
	g.reached[member] = true
	return first
}

// Publish implements transport.Transport.
func (t *Transport) Publish(frame []byte) bool {
	if !t.network.config.Gossip || len(frame) > t.network.config.MaxFrameBytes || !t.network.isRunning(t) {
		t.dropped.Add(1)
		return false
	}
	t.forward(frame, &gossip{reached: map[keys.Public]bool{t.self: true}})
	return true
}

func (t *Transport) forward(frame []byte, g *gossip) {
	for _, peer := range t.network.connected(t) {
		if !g.claim(peer.self) {
			continue
		}
		if !t.network.deliver(peer, Frame{From: t.self, To: peer.self, Gossip: true, Data: frame}, g) {
			t.dropped.Add(1)
			continue
		}
		t.count(frame)
		t.gossipSentBytes.Add(uint64(len(frame)))
	}
}

func (t *Transport) receive(from keys.Public, i item, receiver transport.Receiver) {
	t.receivedFrames.Add(1)
	t.receivedBytes.Add(uint64(len(i.data)))
	if i.gossip == nil {
		receiver.Receive(from, i.data)
		return
	}
	copied := bytes.Clone(i.data) // the receiver may change its frame
	if receiver.Gossip(from, i.data) == transport.Accept {
		t.forward(copied, i.gossip)
	}
}

// Online implements transport.Transport.
func (t *Transport) Online() []keys.Public {
	var online []keys.Public
	for _, peer := range t.network.connected(t) {
		online = append(online, peer.self)
	}
	return online
}

// Traffic implements transport.Transport.
func (t *Transport) Traffic() transport.Traffic {
	return transport.Traffic{
		SentBytes: t.sentBytes.Load(), SentFrames: t.sentFrames.Load(),
		ReceivedBytes: t.receivedBytes.Load(), ReceivedFrames: t.receivedFrames.Load(),
		GossipSentBytes: t.gossipSentBytes.Load(), Dropped: t.dropped.Load(),
	}
}
