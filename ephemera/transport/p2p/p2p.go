// Package p2p is the transport of real nodes: go-libp2p over TCP with Noise, between the members of
// a group and with no other peer.
//
// Direct frames travel over one long-lived stream per peer and direction, each preceded by its
// length, from a bounded queue for each peer. A peer that stalls loses its own frames only. Gossip
// is GossipSub, or streams to all members; see Mode. Frames are opaque: package wire decodes them,
// package engine acts on them.
//
// Direct frames above a peer's rate limit are delayed, gossip is dropped. A peer that floods,
// stalls within frames or sends garbage is cut off for a while, longer each time up to a limit;
// meanwhile it counts as offline.
//
// The files: host.go (the libp2p host and its admission), resources.go (libp2p's limits),
// handshakes.go and seats.go (who may connect), peer.go (one member and its connections),
// dialling.go (who of two members dials, and when), outbox.go (frames on their way to it),
// stream.go (frames from it), absence.go (why it is not connected), ping.go (keep-alive),
// penalties.go (rate limits, offences, cuts), gossip.go, messages.go (messages on streams),
// gossiping.go (one peer's turns), mode.go (how messages spread).
package p2p

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// Transport implements transport.Transport with a libp2p host. Its methods are safe for concurrent
// use.
type Transport struct {
	config    Config
	host      host.Host
	protocols [kinds]protocol.ID
	publish   chan []byte // frames for the gossip goroutine
	traffic   counters
	finder    atomic.Pointer[Finder]
	nearest   atomic.Pointer[Neighbours]
	found     atomic.Pointer[[]peer.ID] // by nearest
	guestRate limiter                   // of the direct frames of all guests
	seats     seats
	closing   sync.Once
	dials     chan struct{} // holds one for each attempt to connect that is under way

	created     time.Time
	lastArrival atomic.Int64 // of a member that connected to this node, in nanoseconds since created

	tcpHandshakes, quicHandshakes *handshakes // incoming

	closed error

	mu      sync.RWMutex
	peers   map[peer.ID]*remote
	guests  map[peer.ID]keys.Public // who may connect besides
	running *run                    // nil unless Run is running
	ended   bool
}

// run holds what belongs to one call of Run.
type run struct {
	ctx      context.Context
	receiver transport.Receiver
	work     sync.WaitGroup // everything that Run waits for
}

// counters are the values of Traffic.
type counters struct {
	sentBytes, sentFrames, receivedBytes, receivedFrames, gossipSentBytes, dropped, throttled, cuts, unanswered atomic.Uint64
}

var _ transport.Transport = (*Transport)(nil)

// ErrRunning reports a second call of Run, or a call after Close.
var ErrRunning = errors.New("run transport: it has run before or is closed (create another one)")

// New opens the listeners, so that Addresses is valid before Run. The caller must call Run or Close
// to release them.
func New(config Config) (*Transport, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	t := &Transport{
		config: config,
		protocols: [kinds]protocol.ID{
			direct:   protocol.ID("/ephemera/" + config.Network + "/direct/1"),
			messages: protocol.ID("/ephemera/" + config.Network + "/messages/1"),
		},
		publish: make(chan []byte, config.Limits.GossipFrames),
		peers:   map[peer.ID]*remote{}, seats: seats{most: config.Limits.Connections},
		tcpHandshakes: newHandshakes(config.Limits, config.DialTimeout), quicHandshakes: newHandshakes(config.Limits, config.DialTimeout),
		dials: make(chan struct{}, dialsAtOnce), created: time.Now(),
		guestRate: newLimiter(guestFramesPerSecond, guestFramesBurst, guestBytesPerSecond, config.Limits.BytesBurst),
	}
	if err := t.SetPeers(config.Peers); err != nil {
		return nil, err
	}
	if err := t.open(); err != nil {
		return nil, err
	}
	return t, nil
}

// Finder asks other members for the addresses of a member and returns them as multiaddrs without
// /p2p. dht.DHT.Find is a Finder.
type Finder func(ctx context.Context, member keys.Public) ([]string, error)

// SetFinder makes the transport use find from time to time while a member cannot be reached at its
// configured addresses. The answers need not be true: the handshake authenticates the peer.
func (t *Transport) SetFinder(find Finder) { t.finder.Store(&find) }

// Neighbours returns the members closest to this node that answer, closest first and at most count.
// dht.DHT.Neighbours is one.
type Neighbours func(ctx context.Context, count int) ([]keys.Public, error)

// SetNeighbours makes a transport in mode Mesh take the members that find returns as its first
// neighbours, instead of the closest of its list. It must be called before Run.
func (t *Transport) SetNeighbours(find Neighbours) { t.nearest.Store(&find) }

// Host returns the libp2p host, for other protocols between the same members (package dht). It
// admits members only. The transport closes it at the end of Run, so its users must stop first or
// handle a closed host.
func (t *Transport) Host() host.Host { return t.host }

// Addresses returns the multiaddrs under which other members reach this node, without /p2p: the
// announced addresses if there are any, otherwise those that the node listens on.
func (t *Transport) Addresses() []string {
	var addresses []string
	for _, a := range t.host.Addrs() {
		addresses = append(addresses, a.String())
	}
	return addresses
}

// parsePeers returns the addresses of all peers but self, by key. It leaves out addresses that
// nobody can dial, and returns an error for each.
func parsePeers(self keys.Public, peers []membership.Peer) (parsed map[keys.Public][]ma.Multiaddr, dropped []error, err error) {
	parsed = make(map[keys.Public][]ma.Multiaddr, len(peers))
	for _, p := range peers {
		if p.Key == self {
			continue
		}
		if _, twice := parsed[p.Key]; twice {
			return nil, nil, fmt.Errorf("peer %s %s is listed twice (remove one entry)", p.Name, p.Key)
		}
		usable, bad := address.Usable(p.Addresses)
		if bad != nil {
			dropped = append(dropped, fmt.Errorf("peer %s %s: %w", p.Name, p.Key, bad))
		}
		if parsed[p.Key], err = parseAddresses(usable); err != nil {
			return nil, nil, err
		}
	}
	return parsed, dropped, nil
}

// SetPeers replaces the members to talk to and their addresses. It keeps the connections to members
// that remain, and closes those to members that left. It logs and leaves out addresses that nobody
// can dial.
func (t *Transport) SetPeers(peers []membership.Peer) error {
	if len(peers) > t.config.Limits.Peers {
		return fmt.Errorf("set peers: %w", tooManyPeers(len(peers), t.config.Limits.Peers))
	}
	parsed, dropped, err := parsePeers(t.config.Key.Public(), peers)
	if err != nil {
		return fmt.Errorf("set peers: %w", err)
	}
	if len(dropped) > 0 {
		t.config.Logger.Warn("addresses of members left out: nobody can dial them", "err", errors.Join(dropped...))
	}
	for _, removed := range t.replacePeers(parsed) {
		t.part(removed)
	}
	t.placeMembers()
	return nil
}

// placeMembers reserves handshakes for the network addresses of members.
func (t *Transport) placeMembers() {
	t.mu.RLock()
	defer t.mu.RUnlock()
	addresses := map[netip.Prefix]bool{}
	for _, r := range t.peers {
		if r.isGuest() {
			continue
		}
		for _, place := range r.places() {
			addresses[place] = true
		}
	}
	t.tcpHandshakes.setMembers(addresses)
	t.quicHandshakes.setMembers(maps.Clone(addresses))
}

// replacePeers updates the map of peers and returns those that are no longer in it.
func (t *Transport) replacePeers(parsed map[keys.Public][]ma.Multiaddr) []*remote {
	t.mu.Lock()
	defer t.mu.Unlock()
	var guests []*remote
	for key, addresses := range parsed {
		id := peerID(key)
		r, known := t.peers[id]
		if known && r.isGuest() { // it has become a member: it connects again as one
			guests = append(guests, r)
			known = false
		}
		if !known {
			r = newRemote(t, key, id)
			t.peers[id] = r
			if t.running != nil {
				r.start(t.running)
			}
		}
		r.setAddresses(addresses)
	}
	removed := guests
	for id, r := range t.peers {
		if _, stays := parsed[r.key]; !stays && !r.isGuest() {
			delete(t.peers, id)
			removed = append(removed, r)
		}
	}
	return removed
}

func (t *Transport) peer(id peer.ID) *remote {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.peers[id]
}

// Run implements transport.Transport. It closes the listeners when it returns.
func (t *Transport) Run(ctx context.Context, receiver transport.Receiver) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &run{ctx: ctx, receiver: receiver}
	if !t.begin(r) {
		return ErrRunning
	}
	t.host.SetStreamHandler(t.protocols[direct], t.incoming(direct))
	if t.config.Gossip != Off {
		t.host.SetStreamHandler(t.protocols[messages], t.incoming(messages))
	}
	t.answerPings()
	if find := t.nearest.Load(); find != nil && t.config.Gossip == Mesh {
		r.work.Go(func() { t.seekNeighbours(ctx, *find) })
	}
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

// end keeps new work from starting.
func (t *Transport) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running, t.ended = nil, true
}

// Close closes the listeners and all connections. It is not needed after Run has returned.
func (t *Transport) Close() error {
	t.closing.Do(func() {
		t.end()
		for _, id := range t.protocols {
			t.host.RemoveStreamHandler(id)
		}
		t.host.RemoveStreamHandler(ping.ID)
		t.closed = t.host.Close()
	})
	return t.closed
}

// Send implements transport.Transport.
func (t *Transport) Send(to keys.Public, frame []byte) bool {
	r := t.peer(peerID(to))
	if r == nil || len(frame) > t.config.Limits.FrameBytes || !r.frames.push(frame) {
		t.traffic.dropped.Add(1)
		return false
	}
	return true
}

// HasRoom implements transport.Transport.
func (t *Transport) HasRoom(to keys.Public, bytes int) bool {
	r := t.peer(peerID(to))
	return r != nil && r.frames.hasRoom(min(bytes, t.config.Limits.FrameBytes))
}

// Publish implements transport.Transport.
func (t *Transport) Publish(frame []byte) bool {
	if len(frame) > t.config.Limits.FrameBytes || !t.spread(frame) {
		t.traffic.dropped.Add(1)
		return false
	}
	return true
}

// spread queues a frame in the way of the configured mode.
func (t *Transport) spread(frame []byte) bool {
	switch {
	case t.config.Gossip == Off || !t.isRunning():
		return false
	case t.config.Gossip == Direct:
		return t.sendToAll(frame)
	}
	select {
	case t.publish <- frame:
		return true
	default:
		return false
	}
}

func (t *Transport) isRunning() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.running != nil
}

// Online implements transport.Transport.
func (t *Transport) Online() []keys.Public {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var online []keys.Public
	for _, r := range t.peers {
		if r.connected() && !r.isGuest() {
			online = append(online, r.key)
		}
	}
	slices.SortFunc(online, keys.Public.Compare)
	return online
}

// Traffic implements transport.Transport. It counts frames on streams with their length prefix, and
// GossipSub's RPCs.
func (t *Transport) Traffic() transport.Traffic {
	return transport.Traffic{
		SentBytes: t.traffic.sentBytes.Load(), SentFrames: t.traffic.sentFrames.Load(),
		ReceivedBytes: t.traffic.receivedBytes.Load(), ReceivedFrames: t.traffic.receivedFrames.Load(),
		GossipSentBytes: t.traffic.gossipSentBytes.Load(), Dropped: t.traffic.dropped.Load(),
		Throttled: t.traffic.throttled.Load(), Cuts: t.traffic.cuts.Load(), Unanswered: t.traffic.unanswered.Load(),
	}
}

// enterCurrent adds a unit of work to the current run and returns it; the caller must call
// work.Done. It returns nil if the transport does not run.
func (t *Transport) enterCurrent() *run {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.running == nil || t.running.ctx.Err() != nil {
		return nil
	}
	t.running.work.Add(1)
	return t.running
}
