package ephemera

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

var (
	// ErrHalted ends Run when something signed with the node's key exists that its vote store does not
	// know. The node must not be started again on this store until the cause is known: a copied key,
	// or a store restored from a backup.
	ErrHalted = errors.New("safety halt")
	// ErrRefused reports a message that the application's CheckMessage rejects.
	ErrRefused = errors.New("message refused by the application")
	// ErrLater reports a message that the application's CheckMessage postpones. The node forgets it:
	// the same message may be submitted again.
	ErrLater = errors.New("the application does not accept the message yet: submit it again later")
	// ErrUnknownSender reports a message by a key that is neither a member nor one of Config.Clients.
	ErrUnknownSender = errors.New("sender is neither a member nor a configured client")
	// ErrStopped reports a call to a node that does not run.
	ErrStopped = errors.New("node is not running")
	// ErrClosed reports a message for the blocks of a group in which the node makes none: the group is
	// unknown or closed, or it is an older one and Config.Hold is not set.
	ErrClosed = engine.ErrClosed
	// ErrNotMember reports a group in which the node makes no blocks because it is not a member.
	ErrNotMember = errors.New("this node is not a member")
	// ErrMuted reports a group in which the node signs no blocks because its vote store was lost or
	// replaced by an older one, or because the node halted (PROTOCOL.md R8).
	ErrMuted = errors.New("this node's vote store was lost or replaced by an older one, or the node halted (give the members' list a higher number)")
)

// Node is one member: the engine, its adapters, and the goroutines between them. Its methods are
// safe for concurrent use.
type Node struct {
	config Config
	app    Application
	engine *engine.Engine // owned by the loop
	log    *slog.Logger

	shares shares // of the peers in inbox
	inbox  chan engine.Event
	calls  chan call
	wake   chan struct{}
	tasks  *tasks    // loop to application
	checks *checks   // loop to application, about messages
	reads  chan read // loop to store reader
	// verifiers check gossip.
	verifiers workers
	// storeWaits is why the store takes no writes, if it does not.
	storeWaits atomic.Pointer[error]
	running    chan struct{}
	stopped    chan struct{}
	broken     chan error // with capacity 1: why CheckMessage ends Run
	started    atomic.Bool
	view       atomic.Pointer[view]
	clock      clock
	gate       *gate
	clients    map[keys.Public]bool
	follow     following
	damage     *damage
	company    company
	growth     growth
	space      atomic.Pointer[DiskSpace]
	// freeSpace measures a folder's disk.
	freeSpace func(folder string) (free, total int64, err error)
	enough    atomic.Bool // members were online to make blocks
	changed   notifier

	strangers, refused atomic.Uint64 // messages kept out: of unknown senders, by the application

	timing sync.Mutex
	times  *lru.Cache[block.ID, Times]

	undelivered *undelivered
}

// call is a function that the loop runs for another goroutine. An error ends the loop.
type call func(*loop) error

// New returns a node. Run starts it.
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
	config.Exchange = cmp.Or(config.Exchange, time.Duration(engine.DefaultExchange)*time.Millisecond)
	config.HandOver = cmp.Or(config.HandOver, time.Duration(engine.DefaultHandOver)*time.Millisecond)
	config.Disk.Every = cmp.Or(config.Disk.Every, 5*time.Second)
	config.Retention.Every = cmp.Or(config.Retention.Every, time.Minute)
	if config.ChainRate == (ChainRate{}) {
		var err error
		if config.ChainRate, err = derivedRate(config.Group); err != nil {
			return nil, err
		}
	}
	n := &Node{
		config: config, app: app, log: config.Logger.With("logger", "ephemera"),
		inbox: make(chan engine.Event, inboxEvents), calls: make(chan call), wake: make(chan struct{}, 1),
		tasks: newTasks(), checks: newChecks(), reads: make(chan read), verifiers: newWorkers(),
		running: make(chan struct{}), stopped: make(chan struct{}), broken: make(chan error, 1), clients: make(map[keys.Public]bool),
		follow: newFollowing(),
	}
	n.freeSpace = statfs
	n.gate = newGate(config.Key.Public(), config.Work, &n.clock)
	n.damage = newDamage(n)
	n.config.Store = watchedStore{Store: config.Store, damage: n.damage}
	for _, key := range config.Clients {
		n.clients[key] = true
	}
	n.times, _ = lru.New[block.ID, Times](rememberedTimes) // its size is positive
	n.undelivered = newUndelivered(config.Group.N())
	n.view.Store(groups{self: config.Key.Public()}.withGroup(config.Group, false).view())
	return n, nil
}

// inboxEvents bounds the events between the border and the loop. A full inbox slows down the peers.
const inboxEvents = 256

// Run starts the node and returns when ctx is done, with nil, or when the node cannot continue:
// ErrHalted, an error of the store or transport, verdict.ErrZero if the application returned the
// zero Decision, or an error that describes its panic. It must be called only once.
func (n *Node) Run(ctx context.Context) error {
	if !n.started.CompareAndSwap(false, true) {
		return errors.New("node was started before: make a new one")
	}
	defer close(n.stopped)
	n.clock.begin()
	book, known, err := n.loadGroups(ctx)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	since, included, err := n.included(ctx, oldest(n.clock.wallTime(), n.config.Mempool))
	if err != nil {
		return unlessStopped(ctx, err)
	}
	n.engine = engine.New(engine.Config{
		Self: n.config.Key.Public(), Include: n.config.Include, Mempool: n.config.Mempool,
		Timing: n.config.Timing, Rate: n.config.ChainRate, Exchange: n.config.Exchange.Milliseconds(), HandOver: n.config.HandOver.Milliseconds(), Hold: n.config.Hold,
		Included: included, Since: since,
	}, known)
	n.gate.restore(known)
	l := newLoop(n)
	if err := l.connect(book, n.config.Peers != nil); err != nil {
		return fmt.Errorf("connect with members: %w", err)
	}

	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return n.runApplication(ctx) })
	for range messageCheckers {
		work.Go(func() error { return n.runChecker(ctx) })
	}
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() error { return n.verifiers.work(ctx) })
	}
	work.Go(func() error { return n.runReader(ctx) })
	work.Go(func() error { return n.runRetention(ctx) })
	work.Go(func() error { return n.watchCompany(ctx) })
	work.Go(func() error { return n.watchDisk(ctx) })
	work.Go(func() error { return l.run(ctx) })
	work.Go(func() error {
		select {
		case err := <-n.broken:
			return err
		case <-ctx.Done():
			return nil
		}
	})
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

// unlessStopped returns the error of a step of the start, or nil if the node was stopped meanwhile.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Submit puts a signed message into the mempool and spreads it. Errors: block.ErrInvalid,
// ErrUnknownSender, ErrRefused, ErrLater, or one of mempool's; mempool.ErrDuplicate means that the
// message is in the mempool or in a certified block, or was dropped recently.
func (n *Node) Submit(ctx context.Context, m block.Message) error {
	return n.submit(ctx, m, n.view.Load().newest(), membership.ID{})
}

// SubmitIn is Submit for this node's blocks of one group: the newest, or an older one that
// Config.Hold keeps open. For any other it returns ErrClosed. Once the group is closed, messages
// that are in no block of it may go into the blocks of any group. Other members' blocks are not
// affected.
func (n *Node) SubmitIn(ctx context.Context, m block.Message, id membership.ID) error {
	for _, known := range n.Groups() {
		if known.Group.ID() == id {
			return n.submit(ctx, m, known.Group, id)
		}
	}
	return fmt.Errorf("%w: group %s", ErrClosed, id)
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

// admit returns an error if a submitted message must stay out of the mempool, and counts such
// messages. The error wraps ErrUnknownSender, ErrRefused or ErrLater, unless ctx is done or
// the application is broken.
func (n *Node) admit(ctx context.Context, view *view, m block.Message) error {
	if !n.maySend(view, m.Sender()) {
		n.strangers.Add(1)
		return fmt.Errorf("%w: %s", ErrUnknownSender, m.Sender())
	}
	d, err := n.checkMessage(ctx, m)
	switch {
	case err != nil:
		return err
	case d.IsAccept():
		return nil
	}
	switch {
	case d.IsReject():
		return fmt.Errorf("%w: %s", ErrRefused, d.Reason())
	case ctx.Err() != nil: // the likely reason
		return ctx.Err()
	}
	return fmt.Errorf("%w: %s", ErrLater, d.Reason())
}

// maySend reports whether this node admits a key's messages: the key is that of a member of a group
// in use, or of a configured client. A block's validity does not depend on it.
func (n *Node) maySend(view *view, sender keys.Public) bool {
	return view.senders[sender] || n.clients[sender]
}

// Wake says that the application's state changed. The node calls NextBlock again, and CheckBlock
// and CheckMessage for every block and message that was answered with Later. It never blocks.
func (n *Node) Wake() {
	select {
	case n.wake <- struct{}{}:
	default: // a signal is pending already
	}
}

// ask runs f on the loop and waits for its answer. The channel has room for one. When ask returns
// because ctx is done, f may have run or may still run.
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
	case err := <-answer: // the reason why the node stopped
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

// Online returns the members that have a live connection to this node.
func (n *Node) Online() []keys.Public { return n.config.Transport.Online() }

// Absence returns in a few words why a member has no connection to this node, or "" if it has one
// or the transport does not know.
func (n *Node) Absence(member keys.Public) string {
	if t, ok := n.config.Transport.(interface{ Absence(keys.Public) string }); ok {
		return t.Absence(member)
	}
	return ""
}

// Traffic returns counts of what the node sent and received.
func (n *Node) Traffic() transport.Traffic { return n.config.Transport.Traffic() }

// Config returns the configuration of the node, with defaults of the durations filled in. It holds
// the node's private key and its open store.
func (n *Node) Config() Config { return n.config }

// Group returns the newest group that the node knows.
func (n *Node) Group() *membership.Group { return n.view.Load().newest() }

// OwnGroup returns the newest group in which the node is a member. Before Run, when the node knows
// only the configured group, it returns that.
func (n *Node) OwnGroup() *membership.Group { return n.view.Load().own(n.config.Key.Public()) }

// Running is closed when Run has begun to receive.
func (n *Node) Running() <-chan struct{} { return n.running }

// Stopped is closed when Run ends.
func (n *Node) Stopped() <-chan struct{} { return n.stopped }

// Status is the state of a node in a group. Slices are indexed by the members' places in the group.
type Status struct {
	engine.Status
	Online []keys.Public
	Muted  bool
	// Messages kept out of the mempool since the start. Strangers counts those of senders that are
	// neither members nor clients, Refused how often CheckMessage rejected or postponed one. Both
	// include messages in bodies of blocks, although the blocks are accepted.
	Strangers, Refused uint64
}

// Status returns the node's state in OwnGroup.
func (n *Node) Status(ctx context.Context) (Status, error) { return n.StatusIn(ctx, n.OwnGroup()) }

// StatusIn returns the node's state in a group. The error is store.ErrNotFound if the node is not a
// member of the group or has forgotten it because it closed it long ago.
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

// Certified returns the certified block of a slot, or store.ErrNotFound.
func (n *Node) Certified(ctx context.Context, slot block.Slot) (store.Certified, error) {
	return n.config.Store.Certified(ctx, slot)
}

// CertifiedByID returns a certified block, or store.ErrNotFound.
func (n *Node) CertifiedByID(ctx context.Context, id block.ID) (store.Certified, error) {
	return n.config.Store.CertifiedByID(ctx, id)
}

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
	return min(max(wall().UnixMilli(), 0), canonical.MaxNumber)
}

// until returns how long to wait for a time.
func (c *clock) until(at int64) time.Duration {
	return max(0, time.Duration(at-c.now())*time.Millisecond)
}
