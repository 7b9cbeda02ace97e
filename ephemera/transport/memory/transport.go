package memory

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// Transport is one member's place in a Network. It implements transport.Transport.
type Transport struct {
	network *Network
	self    keys.Public
	links   map[keys.Public]*link // incoming, by sender; the map never changes

	sentBytes, sentFrames, receivedBytes, receivedFrames, gossipSentBytes, dropped atomic.Uint64
}

var _ transport.Transport = (*Transport)(nil)

// ErrRunning reports a second transport of one member, or one of no member.
var ErrRunning = errors.New("member is running already, or is none of the network's")

// Run takes part until ctx is done; see transport.Transport.
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

// Send puts a direct frame on its way; see transport.Transport.
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

func (t *Transport) count(frame []byte) {
	t.sentFrames.Add(1)
	t.sentBytes.Add(uint64(len(frame)))
}

// rumour is one published frame. Whoever accepts it passes it on to those it has not reached, which
// costs nothing where all members are connected with the publisher.
type rumour struct {
	mu      sync.Mutex
	reached map[keys.Public]bool
}

// claim tells whether the member is reached for the first time.
func (r *rumour) claim(member keys.Public) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := !r.reached[member]
	r.reached[member] = true
	return first
}

// Publish puts a frame on its way to all; see transport.Transport.
func (t *Transport) Publish(frame []byte) bool {
	if !t.network.config.Gossip || len(frame) > t.network.config.MaxFrameBytes || !t.network.has(t) {
		t.dropped.Add(1)
		return false
	}
	t.pass(frame, &rumour{reached: map[keys.Public]bool{t.self: true}})
	return true
}

func (t *Transport) pass(frame []byte, r *rumour) {
	for _, peer := range t.network.connected(t) {
		if !r.claim(peer.self) {
			continue
		}
		if !t.network.deliver(peer, Frame{From: t.self, To: peer.self, Gossip: true, Data: frame}, r) {
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
	if i.rumour == nil {
		receiver.Receive(from, i.data)
		return
	}
	if onward := string(i.data); receiver.Gossip(from, i.data) == transport.Accept {
		t.pass([]byte(onward), i.rumour)
	}
}

// Online returns the connected members; see transport.Transport.
func (t *Transport) Online() []keys.Public {
	var online []keys.Public
	for _, peer := range t.network.connected(t) {
		online = append(online, peer.self)
	}
	return online
}

// Traffic returns the counts so far; see transport.Transport.
func (t *Transport) Traffic() transport.Traffic {
	return transport.Traffic{
		SentBytes: t.sentBytes.Load(), SentFrames: t.sentFrames.Load(),
		ReceivedBytes: t.receivedBytes.Load(), ReceivedFrames: t.receivedFrames.Load(),
		GossipSentBytes: t.gossipSentBytes.Load(), Dropped: t.dropped.Load(),
	}
}
