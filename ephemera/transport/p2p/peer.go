package p2p

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// remote is one member: its connections, the frames that wait for it, and its incoming streams.
// Three goroutines serve it while the transport runs: one dials and reports, one writes, one pings.
type remote struct {
	t       *Transport
	key     keys.Public
	id      peer.ID
	conduct *conduct
	direct  meter         // of its direct frames
	gossip  meter         // of its gossip
	opens   *rate.Limiter // streams that it opens
	pings   *rate.Limiter // that are answered
	heard   atomic.Uint64 // frames that came from it
	changed chan struct{} // buffered by one: connections, addresses
	ready   chan struct{} // buffered by one: connections, queue
	turn    chan struct{} // holds one token: whose frame is being received
	left    chan struct{} // closed when the member leaves

	mu          sync.Mutex
	addresses   []ma.Multiaddr
	connections map[network.Conn]bool
	changes     uint64 // counts the times that the member came online or went offline
	queue       [][]byte
	queued      int // bytes of queue
	streams     []*inbound
	leaving     bool
}

func newRemote(t *Transport, key keys.Public, id peer.ID) *remote {
	l := t.config.Limits
	r := &remote{
		t: t, key: key, id: id, connections: map[network.Conn]bool{}, conduct: newConduct(l.Conduct),
		direct:  newMeter(l.FramesPerSecond, l.FramesBurst, l.BytesPerSecond, l.BytesBurst),
		gossip:  newMeter(l.GossipFramesPerSecond, l.GossipFramesBurst, l.GossipBytesPerSecond, l.GossipBytesBurst),
		opens:   rate.NewLimiter(rate.Limit(l.StreamsPerSecond), streamsBurst*l.StreamsPerPeer),
		pings:   rate.NewLimiter(pingsPerSecond, pingsPerSecond),
		changed: make(chan struct{}, 1), ready: make(chan struct{}, 1), turn: make(chan struct{}, 1), left: make(chan struct{}),
	}
	r.turn <- struct{}{}
	return r
}

// streamsBurst times the streams that it may have open a peer may open at once, after a quiet time.
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

// leave ends the member's goroutines.
func (r *remote) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.leaving {
		r.leaving = true
		close(r.left)
	}
	r.queue, r.queued = nil, 0
}

func (r *remote) opened(conn network.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connections[conn] = true
	if len(r.connections) == 1 {
		r.flip()
	}
}

func (r *remote) ended(conn network.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := len(r.connections)
	delete(r.connections, conn)
	if was == 1 && len(r.connections) == 0 {
		r.queue, r.queued = nil, 0 // frames do not outlive the connection they were meant for
		r.flip()
	}
}

func (r *remote) flip() {
	r.changes++
	wake(r.changed)
	wake(r.ready)
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

// push queues a frame. False when the member is offline or its queue is full.
func (r *remote) push(frame []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leaving || len(r.connections) == 0 || len(r.queue) >= r.t.config.Limits.QueueFrames || r.queued+len(frame) > r.t.config.Limits.QueueBytes {
		return false
	}
	r.queue = append(r.queue, frame)
	r.queued += len(frame)
	wake(r.ready)
	return true
}

// batch returns the first frames that wait, up to about size bytes but at least one, and the
// connection state that they wait for. They stay in the queue until sent says that they are gone.
func (r *remote) batch(size int) (frames [][]byte, changes uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n, frame := range r.queue {
		if size -= len(frame); n > 0 && size < 0 {
			return slices.Clone(r.queue[:n]), r.changes
		}
	}
	return slices.Clone(r.queue), r.changes
}

// sent removes the first n frames, unless the queue was cleared meanwhile.
func (r *remote) sent(n int, changes uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if changes != r.changes || n > len(r.queue) {
		return
	}
	for i := range n {
		r.queued -= len(r.queue[i])
	}
	r.queue = slices.Delete(r.queue, 0, n)
}

// start serves the member until the run ends or the member leaves. The caller holds t.mu.
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
	run.work.Go(func() { r.write(ctx) })
	run.work.Go(func() { r.watch(ctx) })
}

// connect keeps the member connected and tells the receiver of it.
func (r *remote) connect(ctx context.Context, receiver transport.Receiver) {
	var told struct {
		changes uint64
		online  bool
		since   time.Time
	}
	// Both members dial. The one with the greater key waits a moment first, so that two connections
	// are the exception.
	wait := time.Duration(0)
	if r.t.config.Key.Public().Compare(r.key) > 0 {
		wait = r.t.config.Backoff.First
	}
	if r.t.config.Gossip == Mesh && !r.t.isNeighbour(r.id) {
		wait = max(wait, headStart)
	}
	failed := 0
	for retry := newRetry(r.t.config.Backoff); ctx.Err() == nil; {
		changes, online, addresses := r.state()
		if changes != told.changes { // also when it went away and came back meanwhile
			if told.online {
				receiver.Disconnected(r.key)
			}
			if online {
				receiver.Connected(r.key)
			}
			// A connection that lasted is redialled at once; one that was refused right after the handshake
			// must not be in a circle.
			if told.online && time.Since(told.since) > r.t.config.Backoff.Cap {
				retry.reset()
				wait = 0
			} else if told.online {
				wait = retry.next()
			}
			told.changes, told.online, told.since, failed = changes, online, time.Now(), 0
			continue // time passed: look again
		}
		if online || len(addresses) == 0 {
			r.sleep(ctx, 0)
			continue
		}
		if cut := r.conduct.cut(time.Now()); cut > 0 {
			r.sleep(ctx, cut)
			continue
		}
		if wait > 0 {
			r.sleep(ctx, wait)
			wait = 0
			continue
		}
		err := r.dial(ctx, addresses)
		if failed++; err != nil && failed%findEvery == 0 {
			err = errors.Join(err, r.dialFound(ctx))
		}
		wait = retry.next()
		if err != nil {
			r.t.config.Logger.Debug("member not reached", "peer", r.key, "addresses", addresses, "retry", wait, "error", err)
		}
	}
	if told.online {
		receiver.Disconnected(r.key)
	}
}

// sleep waits until something changed, for at most the given time where it is more than zero.
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

// dial makes one attempt. Names are resolved anew each time.
func (r *remote) dial(ctx context.Context, addresses []ma.Multiaddr) error {
	ctx, cancel := context.WithTimeout(ctx, r.t.config.DialTimeout)
	defer cancel()
	if s, ok := r.t.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(r.id) // the waiting is ours
	}
	known := r.t.host.Peerstore()
	known.ClearAddrs(r.id)
	known.AddAddrs(r.id, addresses, peerstore.TempAddrTTL)
	return r.t.host.Connect(ctx, peer.AddrInfo{ID: r.id, Addrs: addresses})
}

// findEvery attempts that failed in a row the others are asked for the member's address.
const findEvery = 4

// dialFound makes one attempt with the addresses that others tell. They are not kept: those of the
// configuration come first again.
func (r *remote) dialFound(ctx context.Context) error {
	find := r.t.finder.Load()
	if find == nil {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, r.t.config.DialTimeout)
	defer cancel()
	texts, err := (*find)(asking, r.key)
	if err != nil {
		return fmt.Errorf("ask others for the address: %w", err)
	}
	found, err := parseAddresses(texts)
	if err != nil {
		return fmt.Errorf("address that others told: %w", err)
	}
	return r.dial(ctx, found)
}

// retry is a Backoff under way: doubling up to a cap, each wait with a jitter of a quarter so that
// members do not knock in step.
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
