package p2p

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/time/rate"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// remote is another member: its connections, the queue of frames for it, and its incoming streams.
// These goroutines serve it while the transport runs: connect, keepAlive, and the writers of its
// queues.
type remote struct {
	t         *Transport
	key       keys.Public
	id        peer.ID
	penalties *penalties
	direct    limiter       // of its direct frames
	gossip    limiter       // of its gossip
	gossiping *gossiping    // its gossip on its way to the receiver
	opens     *rate.Limiter // of the streams that it opens
	pings     *rate.Limiter // of its pings that are answered
	received  atomic.Uint64 // number of frames received from it
	changed   chan struct{} // capacity 1, signals a change of connections or addresses
	turn      chan struct{} // one token, held while a frame is passed to the receiver
	left      chan struct{} // closed when the member leaves
	guest     atomic.Bool   // a former member: see SetGuests
	frames    outbox        // of direct frames
	messages  outbox        // of messages, in mode Direct

	mu          sync.Mutex
	addresses   []ma.Multiaddr
	connections map[network.Conn]bool
	last        netip.Prefix // its address in its last connection
	absence     string       // why it is not connected
	changes     uint64       // how often the member came online or went offline
	queued      int          // bytes in all queues
	streams     [kinds][]*inbound
	leaving     bool
}

func newRemote(t *Transport, key keys.Public, id peer.ID) *remote {
	l := t.config.Limits
	r := &remote{
		t: t, key: key, id: id, connections: map[network.Conn]bool{}, penalties: newPenalties(l.Conduct),
		direct:    newLimiter(l.FramesPerSecond, l.FramesBurst, l.BytesPerSecond, l.BytesBurst),
		gossip:    newLimiter(l.GossipFramesPerSecond, l.GossipFramesBurst, l.GossipBytesPerSecond, l.GossipBytesBurst),
		gossiping: newGossiping(l.GossipFrames, l.Peers, l.FrameBytes),
		opens:     rate.NewLimiter(rate.Limit(l.StreamsPerSecond), streamsBurst*l.StreamsPerPeer),
		pings:     rate.NewLimiter(pingsPerSecond, pingsPerSecond),
		changed:   make(chan struct{}, 1), turn: make(chan struct{}, 1), left: make(chan struct{}),
	}
	r.turn <- struct{}{}
	r.frames = newOutbox(r, direct, l.QueueFrames, l.QueueBytes)
	// Messages leave room for direct frames, without which no block is certified.
	r.messages = newOutbox(r, messages, l.GossipFrames, max(l.FrameBytes, l.QueueBytes/2))
	return r
}

// streamsBurst bounds the streams that a peer may open at once after a quiet time, as a multiple of
// those that it may have open.
const streamsBurst = 4

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (r *remote) setAddresses(addresses []ma.Multiaddr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addresses = addresses
	wake(r.changed)
}

// leave stops the member's goroutines.
func (r *remote) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.leaving {
		r.leaving = true
		close(r.left)
	}
	r.frames.clear()
	r.messages.clear()
}

func (r *remote) connOpened(conn network.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connections[conn] = true
	_, r.last = source(conn.RemoteMultiaddr())
	if len(r.connections) == 1 {
		r.onlineChanged()
	}
}

// places returns the network addresses at which the member may be: configured ones that are not
// names, and the one of its last connection.
func (r *remote) places() []netip.Prefix {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []netip.Prefix
	for _, address := range r.addresses {
		if _, place := source(address); place.IsValid() {
			all = append(all, place)
		}
	}
	if r.last.IsValid() {
		all = append(all, r.last)
	}
	return all
}

func (r *remote) connClosed(conn network.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := len(r.connections)
	delete(r.connections, conn)
	if was == 1 && len(r.connections) == 0 {
		r.frames.clear() // frames do not outlive the connection that they were queued for
		r.messages.clear()
		r.onlineChanged()
	}
}

func (r *remote) onlineChanged() {
	r.changes++
	wake(r.changed)
	wake(r.frames.ready)
	wake(r.messages.ready)
}

func (r *remote) connected() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.connections) > 0
}

func (r *remote) state() (changes uint64, online bool, addresses []ma.Multiaddr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changes, len(r.connections) > 0, r.addresses
}

// start starts the member's goroutines, which stop when the run ends or the member leaves. The
// caller holds t.mu.
func (r *remote) start(run *run) {
	ctx, cancel := context.WithCancel(run.ctx)
	run.work.Go(func() {
		defer cancel()
		select {
		case <-ctx.Done():
		case <-r.left:
		}
	})
	run.work.Go(func() { r.connect(ctx, run.receiver) })
	run.work.Go(func() { r.frames.write(ctx) })
	if r.t.config.Gossip == Direct {
		run.work.Go(func() { r.messages.write(ctx) })
	}
	run.work.Go(func() { r.keepAlive(ctx) })
}

// connect dials the member while it is offline, and reports changes to the receiver.
func (r *remote) connect(ctx context.Context, receiver transport.Receiver) {
	var reported struct {
		changes uint64
		online  bool
		since   time.Time
	}
	offline, wait := time.Now(), time.Duration(0)
	r.forgetChanges()
	failed := 0
	var trouble unreachable
	for retry := newRetry(r.t.config.Backoff); ctx.Err() == nil; {
		changes, online, addresses := r.state()
		if changes != reported.changes { // also if it went offline and came back
			if reported.online {
				receiver.Disconnected(r.key)
			}
			if online {
				trouble.over(r)
				receiver.Connected(r.key)
			}
			// After a connection that lasted, dial at once. After one that the peer closed right after the
			// handshake, back off, to avoid a loop.
			if reported.online && time.Since(reported.since) > r.t.config.Backoff.Cap {
				retry.reset()
				wait = 0
			} else if reported.online {
				wait = retry.next()
			}
			reported.changes, reported.online, reported.since, failed = changes, online, time.Now(), 0
			offline = reported.since
			continue // the receiver may have taken long: check again
		}
		if !online && len(addresses) == 0 && !r.isGuest() {
			trouble.failed(r, nil, noAddress)
		}
		if online || len(addresses) == 0 {
			r.sleep(ctx, 0)
			continue
		}
		if cut := r.penalties.remaining(time.Now()); cut > 0 {
			r.setAbsence(cutOff)
			r.sleep(ctx, cut)
			continue
		}
		if wait > 0 {
			r.sleep(ctx, wait)
			wait = 0
			continue
		}
		if r.yields(offline) {
			r.sleep(ctx, r.t.config.Backoff.First)
			continue
		}
		err := r.attempt(ctx, addresses, failed)
		if errors.Is(err, errCameFirst) {
			continue
		}
		failed++
		wait = retry.next()
		if err != nil {
			r.t.config.Logger.Debug("dialling member failed", "peer", r.key, "addresses", addresses, "retry", wait, "error", err)
			trouble.failed(r, addresses, reasonOf(err))
		}
	}
	if reported.online {
		receiver.Disconnected(r.key)
	}
}

// forgetChanges forgets changes of what is about to be read: they must not end the first wait.
func (r *remote) forgetChanges() {
	select {
	case <-r.changed:
	default:
	}
}

// sleep waits until r.changed or ctx is done, for at most wait if wait is positive.
func (r *remote) sleep(ctx context.Context, wait time.Duration) {
	var due <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-r.changed:
	case <-due:
	}
}

// dial makes one attempt to connect. It resolves names each time.
func (r *remote) dial(ctx context.Context, addresses []ma.Multiaddr) error {
	ctx, cancel := context.WithTimeout(ctx, r.t.config.DialTimeout)
	defer cancel()
	if s, ok := r.t.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(r.id) // connect has its own backoff
	}
	known := r.t.host.Peerstore()
	known.ClearAddrs(r.id)
	known.AddAddrs(r.id, addresses, peerstore.TempAddrTTL)
	return r.t.host.Connect(ctx, peer.AddrInfo{ID: r.id, Addrs: addresses})
}

// some returns those of the addresses that an attempt dials: as many as one peer may have
// connections, and the next ones in the next attempt.
func (r *remote) some(addresses []ma.Multiaddr, attempt int) []ma.Multiaddr {
	count := r.t.config.Limits.ConnectionsPerPeer
	if len(addresses) <= count {
		return addresses
	}
	begin := attempt * count % len(addresses)
	return slices.Concat(addresses[begin:], addresses[:begin])[:count]
}

// findEvery is the number of failed attempts in a row after which the Finder is asked for the
// member's addresses.
const findEvery = 4

// dialFound makes one attempt with the addresses that the Finder returns. They are not kept: the
// next attempt uses the configured addresses.
func (r *remote) dialFound(ctx context.Context) error {
	find := r.t.finder.Load()
	if find == nil {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, r.t.config.DialTimeout)
	defer cancel()
	texts, err := (*find)(asking, r.key)
	if err != nil {
		return fmt.Errorf("find address: %w", err)
	}
	usable, bad := address.Usable(texts) // each is what another member says
	found, err := parseAddresses(usable)
	if err != nil || len(found) == 0 {
		return fmt.Errorf("found address: %w", errors.Join(err, bad))
	}
	return r.dial(ctx, found)
}

// retry is the state of a Backoff. Each wait has a jitter of a quarter either way, so that members
// do not dial in step.
type retry struct {
	backoff transport.Backoff
	wait    time.Duration
}

func newRetry(backoff transport.Backoff) *retry { return &retry{backoff: backoff, wait: backoff.First} }

func (r *retry) reset() { r.wait = r.backoff.First }

func (r *retry) next() time.Duration {
	wait := r.wait
	r.wait = min(2*r.wait, r.backoff.Cap)
	return wait*3/4 + rand.N(wait/2+1)
}
