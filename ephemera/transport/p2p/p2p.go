// Package p2p is the transport of real nodes: go-libp2p over TCP with Noise, among the members of a
// group and nobody else.
//
// Direct frames go over one persistent stream per peer and direction, length-prefixed, from a
// bounded queue; a peer that stalls loses its own frames and no other's. Gossip is GossipSub, see
// Mode. Frames are opaque here. What they mean: package wire; who decides: package engine.
//
// A peer that sends more than the configured rates is read more slowly; one that keeps flooding,
// stalls in the middle of frames or sends garbage is cut off for a while, each time for longer up
// to a bound, and the others go on as if it were offline.
//
// The parts: host.go (libp2p and whom it admits), resources.go (how much of it), peer.go (one
// member: dialling, queue), alive.go (pings), conduct.go (rates, offences, cuts), stream.go (frames
// on a stream), gossip.go, mode.go (how gossip spreads).
package p2p

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// Transport is a transport.Transport on a libp2p host. Its methods are safe for concurrent use.
type Transport struct {
	config   Config
	host     host.Host
	protocol protocol.ID
	publish  chan []byte // to the gossip goroutine
	traffic  counters
	finder   atomic.Pointer[Finder]
	closing  sync.Once
	closed   error

	mu      sync.RWMutex
	peers   map[peer.ID]*remote
	running *run // nil before Run and after it
	ended   bool
}

// run is what belongs to one call of Run.
type run struct {
	ctx      context.Context
	receiver transport.Receiver
	work     sync.WaitGroup
}

// counters are Traffic under way.
type counters struct {
	sentBytes, sentFrames, receivedBytes, receivedFrames, gossipSentBytes, dropped, throttled, cuts, unanswered atomic.Uint64
}

var _ transport.Transport = (*Transport)(nil)

// ErrRunning reports a second call of Run, or one after Close.
var ErrRunning = errors.New("transport ran already or is closed")

// New opens the listeners, so that Addresses are known before Run. Whoever does not call Run calls
// Close.
func New(config Config) (*Transport, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	t := &Transport{
		config:   config,
		protocol: protocol.ID("/ephemera/" + config.Network + "/direct/1"),
		publish:  make(chan []byte, config.Limits.GossipFrames),
		peers:    map[peer.ID]*remote{},
	}
	if err := t.SetPeers(config.Peers); err != nil {
		return nil, err
	}
	if err := t.open(); err != nil {
		return nil, err
	}
	return t, nil
}

// Finder asks others where a member is reached, and returns multiaddrs without /p2p. dht.DHT.Find
// is one.
type Finder func(ctx context.Context, member keys.Public) ([]string, error)

// SetFinder has the transport ask for a member's address now and then while it is not reached under
// the configured ones. What it learns is hearsay: the handshake proves who is there.
func (t *Transport) SetFinder(find Finder) { t.finder.Store(&find) }

// Host is the libp2p host, for other protocols among the same members (package dht). It admits
// members only, and the transport closes it: whoever uses it ends before Run does, or copes with a
// closed host.
func (t *Transport) Host() host.Host { return t.host }

// Addresses returns the multiaddrs under which others reach us, without /p2p: the announced ones,
// else those listened on.
func (t *Transport) Addresses() []string {
	var addresses []string
	for _, address := range t.host.Addrs() {
		addresses = append(addresses, address.String())
	}
	return addresses
}

// parsePeers returns peer IDs and addresses by key.
func parsePeers(self keys.Public, peers []membership.Peer) (map[keys.Public][]ma.Multiaddr, error) {
	parsed := make(map[keys.Public][]ma.Multiaddr, len(peers))
	for _, p := range peers {
		if p.Key == self {
			continue
		}
		if _, twice := parsed[p.Key]; twice {
			return nil, fmt.Errorf("peer %s %s is listed twice", p.Name, p.Key)
		}
		addresses, err := parseAddresses(p.Addresses)
		if err != nil {
			return nil, fmt.Errorf("address of peer %s %s: %w", p.Name, p.Key, err)
		}
		parsed[p.Key] = addresses
	}
	return parsed, nil
}

// SetPeers replaces the members to talk to and their addresses. Connections to members that stay
// are kept.
func (t *Transport) SetPeers(peers []membership.Peer) error {
	if len(peers) > t.config.Limits.Peers {
		return fmt.Errorf("%d peers, at most %d", len(peers), t.config.Limits.Peers)
	}
	parsed, err := parsePeers(t.config.Key.Public(), peers)
	if err != nil {
		return err
	}
	for _, gone := range t.exchangePeers(parsed) {
		gone.leave()
		if err := t.host.Network().ClosePeer(gone.id); err != nil {
			t.config.Logger.Debug("close connection of a former member", "peer", gone.key, "error", err)
		}
	}
	return nil
}

// exchangePeers makes the new map of peers and returns those that left.
func (t *Transport) exchangePeers(parsed map[keys.Public][]ma.Multiaddr) []*remote {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, addresses := range parsed {
		id := peerID(key)
		r, known := t.peers[id]
		if !known {
			r = newRemote(t, key, id)
			t.peers[id] = r
			if t.running != nil {
				r.start(t.running)
			}
		}
		r.setAddresses(addresses)
	}
	var gone []*remote
	for id, r := range t.peers {
		if _, stays := parsed[r.key]; !stays {
			delete(t.peers, id)
			gone = append(gone, r)
		}
	}
	return gone
}

func (t *Transport) peer(id peer.ID) *remote {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.peers[id]
}

// Run connects, receives and serves; see transport.Transport.
func (t *Transport) Run(ctx context.Context, receiver transport.Receiver) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &run{ctx: ctx, receiver: receiver}
	if !t.begin(r) {
		return ErrRunning
	}
	t.host.SetStreamHandler(t.protocol, t.incoming)
	t.answerPings()
	err := t.gossip(r) // returns when ctx is done
	cancel()
	t.end()
	err = errors.Join(err, t.Close())
	r.work.Wait()
	return err
}

func (t *Transport) begin(r *run) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || t.running != nil {
		return false
	}
	t.running = r
	for _, p := range t.peers {
		p.start(r)
	}
	return true
}

// end stops what could still start new work.
func (t *Transport) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running, t.ended = nil, true
}

// Close closes the listeners and every connection. Run does so by itself.
func (t *Transport) Close() error {
	t.closing.Do(func() {
		t.end()
		t.host.RemoveStreamHandler(t.protocol)
		t.host.RemoveStreamHandler(ping.ID)
		t.closed = t.host.Close()
	})
	return t.closed
}

// Send queues a direct frame; see transport.Transport.
func (t *Transport) Send(to keys.Public, frame []byte) bool {
	r := t.peer(peerID(to))
	if r == nil || len(frame) > t.config.Limits.FrameBytes || !r.push(frame) {
		t.traffic.dropped.Add(1)
		return false
	}
	return true
}

// Publish queues a frame for gossip; see transport.Transport.
func (t *Transport) Publish(frame []byte) bool {
	if t.config.Gossip != Off && len(frame) <= t.config.Limits.FrameBytes && t.isRunning() {
		select {
		case t.publish <- frame:
			return true
		default:
		}
	}
	t.traffic.dropped.Add(1)
	return false
}

func (t *Transport) isRunning() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.running != nil
}

// Online returns the connected members; see transport.Transport.
func (t *Transport) Online() []keys.Public {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var online []keys.Public
	for _, r := range t.peers {
		if r.connected() {
			online = append(online, r.key)
		}
	}
	slices.SortFunc(online, keys.Public.Compare)
	return online
}

// Traffic returns the counts so far: direct frames with their length prefix, and GossipSub's RPCs.
func (t *Transport) Traffic() transport.Traffic {
	return transport.Traffic{
		SentBytes: t.traffic.sentBytes.Load(), SentFrames: t.traffic.sentFrames.Load(),
		ReceivedBytes: t.traffic.receivedBytes.Load(), ReceivedFrames: t.traffic.receivedFrames.Load(),
		GossipSentBytes: t.traffic.gossipSentBytes.Load(), Dropped: t.traffic.dropped.Load(),
		Throttled: t.traffic.throttled.Load(), Cuts: t.traffic.cuts.Load(), Unanswered: t.traffic.unanswered.Load(),
	}
}
