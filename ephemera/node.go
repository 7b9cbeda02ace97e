package ephemera

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

var (
	// ErrHalted ends Run when something signed with the node's key exists that its vote store does not
	// know. The node must not be started again on this store before somebody has found out why: a
	// copied key, or a store restored from a backup.
	ErrHalted = errors.New("safety halt")
	// ErrRefused reports a message that the application's CheckMessage does not take.
	ErrRefused = errors.New("message refused by the application")
	// ErrUnknownSender reports a message by a key that is neither a member nor one of Config.Clients.
	ErrUnknownSender = errors.New("sender is neither a member nor a configured client")
	// ErrStopped reports a call to a node that does not run.
	ErrStopped = errors.New("node is not running")
)

// Node is one member: the engine, its adapters, and the goroutines between them. Its methods are
// safe for concurrent use.
type Node struct {
	config Config
	app    Application
	engine *engine.Engine // owned by the loop
	log    *slog.Logger

	inbox   chan engine.Event
	calls   chan call
	wake    chan struct{}
	tasks   *tasks    // loop to application
	reads   chan read // loop to store reader
	running chan struct{}
	stopped chan struct{}
	started atomic.Bool
	view    atomic.Pointer[view]
	clock   clock
	seen    *seen
	clients map[keys.Public]bool
	follow  following
	enough  atomic.Bool // members were online to make blocks
	changed changes

	strangers, refused atomic.Uint64 // messages kept out: of unknown senders, by the application

	timing sync.Mutex
	times  *lru.Cache[block.ID, Times]

	undelivered *lru.Cache[block.Slot, store.Certified] // some of what is stored and was not delivered yet
}

// call is a request of an API user to the loop: run on the engine's goroutine. An error ends the
// loop.
type call func(*loop) error

// New makes a node. Run starts it.
func New(config Config, app Application) (*Node, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if app == nil {
		return nil, errors.New("config: an Application is required")
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	config.HandOver = cmp.Or(config.HandOver, time.Minute)
	config.Retention.Every = cmp.Or(config.Retention.Every, time.Minute)
	n := &Node{
		config: config, app: app, log: config.Logger.With("logger", "ephemera"),
		inbox: make(chan engine.Event, inboxEvents), calls: make(chan call), wake: make(chan struct{}, 1),
		tasks: newTasks(), reads: make(chan read),
		running: make(chan struct{}), stopped: make(chan struct{}), seen: newSeen(), clients: make(map[keys.Public]bool),
		follow: newFollowing(),
	}
	for _, key := range config.Clients {
		n.clients[key] = true
	}
	n.times, _ = lru.New[block.ID, Times](rememberedTimes) // its size is positive
	n.undelivered, _ = lru.New[block.Slot, store.Certified](undeliveredBlocks)
	n.view.Store(groups{self: config.Key.Public()}.with(config.Group, false).view())
	return n, nil
}

// inboxEvents are the events between the border and the loop; a full inbox slows the peers down.
const inboxEvents = 256

// Run starts the node and returns when ctx is done, with nil, or when the node cannot go on:
// ErrHalted, or what the store or transport said. It is called once.
func (n *Node) Run(ctx context.Context) error {
	if !n.started.CompareAndSwap(false, true) {
		return errors.New("node was started before: make a new one")
	}
	defer close(n.stopped)
	n.clock.begin()
	book, known, err := n.loadGroups(ctx)
	if err != nil {
		return err
	}
	since, included, err := n.included(ctx, oldest(n.clock.wallTime(), n.config.Mempool))
	if err != nil {
		return err
	}
	n.engine = engine.New(engine.Config{
		Self: n.config.Key.Public(), Include: n.config.Include, Mempool: n.config.Mempool,
		Timing: n.config.Timing, Exchange: n.config.Exchange.Milliseconds(), HandOver: n.config.HandOver.Milliseconds(), Hold: n.config.Hold,
		Included: included, Since: since,
	}, known)
	l := newLoop(n)
	if err := l.connect(book, n.config.Peers != nil); err != nil {
		return fmt.Errorf("connect with members: %w", err)
	}

	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return n.runApplication(ctx) })
	work.Go(func() error { return n.runReader(ctx) })
	work.Go(func() error { return n.runRetention(ctx) })
	work.Go(func() error { return l.run(ctx) })
	work.Go(func() error {
		if err := n.config.Transport.Run(ctx, border{node: n, ctx: ctx}); err != nil {
			return fmt.Errorf("transport: %w", err)
		}
		return nil
	})
	close(n.running)
	if err := work.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Submit puts a signed message into the mempool and spreads it. Errors: block.ErrInvalid,
// ErrUnknownSender, ErrRefused, or one of mempool's; mempool.ErrDuplicate tells that the message is
// in the mempool, in a certified block, or was dropped lately.
func (n *Node) Submit(ctx context.Context, m block.Message) error {
	return n.submit(ctx, m, n.view.Load().newest(), membership.ID{})
}

// SubmitIn is Submit for the blocks of one group alone, the newest or an older one that Config.Hold
// keeps open; engine.ErrClosed when there is no such group. Once the group is closed, messages that
// are in no block of it go into the blocks of any. It is this node's own blocks that are meant:
// others know nothing of it.
func (n *Node) SubmitIn(ctx context.Context, m block.Message, id membership.ID) error {
	for _, known := range n.Groups() {
		if known.Group.ID() == id {
			return n.submit(ctx, m, known.Group, id)
		}
	}
	return fmt.Errorf("%w: group %s", engine.ErrClosed, id)
}

func (n *Node) submit(ctx context.Context, m block.Message, group *membership.Group, only membership.ID) error {
	if m.Network() != group.Network() {
		return fmt.Errorf("%w: message of network %q, this is %q", block.ErrInvalid, m.Network(), group.Network())
	}
	if limit := group.Limits().PayloadBytes; len(m.Payload()) > int(limit) {
		return fmt.Errorf("%w: payload of %d bytes, at most %d", block.ErrInvalid, len(m.Payload()), limit)
	}
	if !n.verifier(n.view.Load()).VerifyMessage(m) {
		return fmt.Errorf("%w: the signature is not the sender's", block.ErrInvalid)
	}
	if err := n.admit(ctx, n.view.Load(), m); err != nil {
		return err
	}
	return n.ask(ctx, func(l *loop, answer chan<- error) error {
		l.submit(m, only, answer)
		return nil
	})
}

// SubmitPayload signs a message with the node's own key, dates it now, and submits it.
func (n *Node) SubmitPayload(ctx context.Context, label string, payload []byte) (block.Message, error) {
	m, err := block.NewMessage(n.config.Key, n.Group().Network(), label, payload, n.clock.wallTime())
	if err != nil {
		return block.Message{}, err
	}
	return m, n.Submit(ctx, m)
}

// admit tells why a verified message is kept out of the mempool, if it is, and counts those that
// are. The error wraps ErrUnknownSender or ErrRefused.
func (n *Node) admit(ctx context.Context, view *view, m block.Message) error {
	if !n.maySend(view, m.Sender()) {
		n.strangers.Add(1)
		return fmt.Errorf("%w: %s", ErrUnknownSender, m.Sender())
	}
	if err := n.app.CheckMessage(ctx, m); err != nil {
		n.refused.Add(1)
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return nil
}

// maySend tells whether this node takes a key's messages: it is one of a member of a group that is
// in use, or a configured client's. It is no part of a block's validity.
func (n *Node) maySend(view *view, sender keys.Public) bool {
	return view.senders[sender] || n.clients[sender]
}

// Wake tells the node that the application's state changed: NextBlock and every CheckBlock that was
// answered with Later are asked again. It never blocks.
func (n *Node) Wake() {
	select {
	case n.wake <- struct{}{}:
	default: // one is waiting already
	}
}

// ask runs f on the loop and waits for its answer, which has room for one. After ctx is done f may
// still run, or have run.
func (n *Node) ask(ctx context.Context, f func(l *loop, answer chan<- error) error) error {
	answer := make(chan error, 1)
	if err := n.call(ctx, func(l *loop) error { return f(l, answer) }); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-n.stopped:
	}
	select {
	case err := <-answer: // why it stopped
		return err
	default:
		return ErrStopped
	}
}

// call runs f on the loop.
func (n *Node) call(ctx context.Context, f call) error {
	select {
	case n.calls <- f:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-n.stopped:
		return ErrStopped
	}
}

// Online returns the members with a live connection, without this node.
func (n *Node) Online() []keys.Public { return n.config.Transport.Online() }

// Traffic counts what the node sent and received.
func (n *Node) Traffic() transport.Traffic { return n.config.Transport.Traffic() }

// Group returns the newest group that the node knows.
func (n *Node) Group() *membership.Group { return n.view.Load().newest() }

// Running is closed when Run has begun to receive.
func (n *Node) Running() <-chan struct{} { return n.running }

// Status is where a node stands. Slices are indexed by the members' places in the group.
type Status struct {
	engine.Status
	Online []keys.Public
	Muted  bool
	// Messages kept out since the start, each time one came: of senders that are neither members nor
	// clients, and by CheckMessage. Those in bodies of blocks are among them, although the blocks are
	// taken.
	Strangers, Refused uint64
}

// Status returns where the node stands in the newest group in which it is a member.
func (n *Node) Status(ctx context.Context) (Status, error) {
	return n.StatusIn(ctx, n.view.Load().own(n.config.Key.Public()))
}

// StatusIn returns where the node stands in a group; store.ErrNotFound when it has no part in it,
// or closed it long ago.
func (n *Node) StatusIn(ctx context.Context, group *membership.Group) (Status, error) {
	var status engine.Status
	err := n.ask(ctx, func(_ *loop, answer chan<- error) error {
		found, ok := n.engine.Status(group.ID())
		if !ok {
			answer <- fmt.Errorf("status in group %d: %w", group.Number(), store.ErrNotFound)
			return nil
		}
		status = found
		answer <- nil
		return nil
	})
	if err != nil {
		return Status{}, err
	}
	return Status{
		Status: status, Online: n.Online(), Muted: n.muted(group), Strangers: n.strangers.Load(), Refused: n.refused.Load(),
	}, nil
}

// Certified returns the certified block of a slot, store.ErrNotFound when this node has none.
func (n *Node) Certified(ctx context.Context, slot block.Slot) (store.Certified, error) {
	return n.config.Store.Certified(ctx, slot)
}

// CertifiedByID returns a certified block, store.ErrNotFound when this node has none.
func (n *Node) CertifiedByID(ctx context.Context, id block.ID) (store.Certified, error) {
	return n.config.Store.CertifiedByID(ctx, id)
}

// lastTime is the latest time that a block or message may have, in milliseconds since 1970.
const lastTime = 1<<53 - 1

// clock is the time in milliseconds by two clocks: now never runs backwards, whatever happens to
// the wall clock, and waits are measured with it; wallTime is the wall clock of the moment, with
// which signed times are compared.
type clock struct {
	start time.Time
	wall  func() time.Time // nil: the machine's
	ahead int64            // of now, when stepped was called last; owned by the loop
}

func (c *clock) begin() { c.start = time.Now() }

// stepped reports whether the wall clock was set by more than a second since the last call.
func (c *clock) stepped(now, wall int64) bool {
	step := wall - now - c.ahead
	c.ahead += step
	return max(step, -step) > time.Second.Milliseconds()
}

func (c *clock) now() int64 { return c.start.UnixMilli() + time.Since(c.start).Milliseconds() }

func (c *clock) wallTime() int64 {
	wall := time.Now
	if c.wall != nil {
		wall = c.wall
	}
	return min(max(wall().UnixMilli(), 0), lastTime)
}

// until returns how long to wait for a time.
func (c *clock) until(at int64) time.Duration {
	return max(0, time.Duration(at-c.now())*time.Millisecond)
}
