// Package policy implements ephemera.Application for programs that do not need a type of their own.
// It proposes blocks by configured rules: after a time, at a number of messages, or with one
// message from each member; optionally of one label each. It checks and delivers by functions. The
// zero Config accepts everything that the node accepts and immediately makes a block of all waiting
// messages. The daemon runs this application.
//
// A program with other rules for its blocks implements all methods of ephemera.Application itself.
//
// The rules only concern the node's own blocks. Members with different rules accept each other's
// blocks, and a changed rule does not make a block invalid (PROTOCOL.md R2). All members of a group
// must have the same Config.CheckBlock.
package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
)

// ErrConfig reports a policy that cannot work.
var ErrConfig = errors.New("invalid block policy")

// Config determines when a node makes a block and of which messages, and how it checks and delivers
// messages and blocks. A block is made as soon as one rule is met or the block is as full as the
// group's limits allow. Without any rule a block is made immediately of all waiting messages, so
// blocks grow with the load.
type Config struct {
	// Wait is how long a message waits for others at most, counted from when it first was a candidate.
	// 0 means no rule.
	Wait time.Duration
	// Messages makes a block as soon as it has this many messages, which is also their maximum. 0
	// means no rule.
	Messages int
	// OneOfEach makes a block when every member of the group sent a message. Such a block holds the
	// first message of each sender.
	OneOfEach bool
	// OneLabel keeps messages of different labels in different blocks. The rules then apply to each
	// label separately.
	OneLabel bool

	// The functions implement the methods of ephemera.Application, which documents when and from how
	// many goroutines they are called. A nil CheckMessage or CheckBlock accepts everything; a nil
	// DeliverBlock does nothing.
	//
	// CheckMessage does not judge blocks: a block of another member may hold messages that
	// CheckMessage rejects. To keep them out of certified blocks, set CheckBlock as well, for example
	// to EachMessage(check).
	CheckMessage func(context.Context, block.Message) ephemera.Decision
	CheckBlock   func(context.Context, block.Block) ephemera.Decision
	DeliverBlock func(context.Context, block.Block, certificate.Certificate) error
}

// MaxWait bounds Config.Wait. By default a mempool keeps messages for less time.
const MaxWait = 24 * time.Hour

// Validate returns an error if the rules cannot produce blocks. The error wraps ErrConfig and says
// what was expected.
func (c Config) Validate() error {
	switch {
	case c.Wait < 0 || c.Wait > MaxWait:
		return fmt.Errorf("%w: Wait is %s, expected 0s..%s", ErrConfig, c.Wait, MaxWait)
	case c.Messages < 0:
		return fmt.Errorf("%w: Messages is %d, expected 1 or more, or 0 for no rule", ErrConfig, c.Messages)
	}
	return nil
}

// Warnings describes likely mistakes in a valid policy: messages that may wait forever.
func (c Config) Warnings() []string {
	if c.Wait > 0 || c.Messages <= 1 && !c.OneOfEach {
		return nil
	}
	return []string{"messages wait indefinitely for others and may expire in the mempool: set a maximum wait as well"}
}

// Host is what a policy needs of its node. *ephemera.Node implements it.
type Host interface {
	// Wake makes the node ask NextBlock again. It never blocks.
	Wake()
}

// Application implements ephemera.Application according to a Config. If Config.Wait is set, Run
// must run alongside the node. Do not embed an Application: set the functions of Config. Next to an
// embedded Application a misspelt method compiles and is never called.
type Application struct {
	config Config
	due    chan time.Time   // when the next block is due by time, or zero; only the newest is kept
	turns  map[uint64]*turn // owned by NextBlock's goroutine
}

// A turn is what is remembered of a group's last turn.
type turn struct {
	waits waits
	due   time.Time
}

// openGroups bounds the groups that are remembered. Older groups are no longer open.
const openGroups = 8

var _ ephemera.Application = (*Application)(nil)

// New returns the application of a valid configuration.
func New(config Config) (*Application, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return &Application{config: config, due: make(chan time.Time, 1), turns: map[uint64]*turn{}}, nil
}

// Must is New for a configuration that is known to be valid. It panics if the configuration is
// invalid.
func Must(config Config) *Application {
	a, err := New(config)
	if err != nil {
		panic(err)
	}
	return a
}

// Run wakes the node when a block is due by time. It returns nil when ctx is done. It must be
// called once, alongside the node's Run.
func (a *Application) Run(ctx context.Context, node Host) error {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case at := <-a.due:
			timer.Stop()
			if !at.IsZero() {
				timer.Reset(time.Until(at))
			}
		case <-timer.C:
			node.Wake()
		}
	}
}

// CheckMessage asks Config.CheckMessage.
func (a *Application) CheckMessage(ctx context.Context, m block.Message) ephemera.Decision {
	if a.config.CheckMessage == nil {
		return ephemera.Accept()
	}
	return a.config.CheckMessage(ctx, m)
}

// NextBlock applies the rules of Config.
func (a *Application) NextBlock(_ context.Context, t ephemera.Turn) []block.MessageID {
	candidates := wanted(t)
	now := time.Now()
	memory := a.turn(t)
	memory.waits.update(candidates, now)
	chosen := a.config.choose(t.Group, candidates, memory.waits, now)
	memory.due = chosen.due
	select {
	case <-a.due: // Run has not seen it yet
	default:
	}
	a.due <- a.next(now) // does not block: this goroutine is the only sender
	return chosen.messages
}

// wanted returns the candidates of a turn. In an older group these are only the messages that were
// submitted to that group.
func wanted(turn ephemera.Turn) []block.Message {
	if turn.Newest {
		return turn.Candidates
	}
	return slices.DeleteFunc(slices.Clone(turn.Candidates), func(m block.Message) bool { return !turn.Directed[m.ID()] })
}

// turn returns what is remembered of a group, and forgets closed groups.
func (a *Application) turn(t ephemera.Turn) *turn {
	number := t.Group.Number()
	maps.DeleteFunc(a.turns, func(other uint64, _ *turn) bool { return other+openGroups <= number })
	if a.turns[number] == nil {
		a.turns[number] = &turn{waits: waits{}}
	}
	return a.turns[number]
}

// next returns when the next block is due by time, or zero. A time that has passed is returned only
// once, because its group may be closed.
func (a *Application) next(now time.Time) time.Time {
	var next time.Time
	for _, t := range a.turns {
		if !t.due.IsZero() && (next.IsZero() || t.due.Before(next)) {
			next = t.due
		}
		if !t.due.After(now) {
			t.due = time.Time{}
		}
	}
	return next
}

// CheckBlock asks Config.CheckBlock.
func (a *Application) CheckBlock(ctx context.Context, b block.Block) ephemera.Decision {
	if a.config.CheckBlock == nil {
		return ephemera.Accept()
	}
	return a.config.CheckBlock(ctx, b)
}

// DeliverBlock calls Config.DeliverBlock.
func (a *Application) DeliverBlock(ctx context.Context, b block.Block, c certificate.Certificate) error {
	if a.config.DeliverBlock == nil {
		return nil
	}
	return a.config.DeliverBlock(ctx, b, c)
}

// EachMessage returns a Config.CheckBlock that accepts a block if check accepts each of its
// messages. The first message that check does not accept decides. If it is rejected, the block is
// rejected, and the message is removed from this node's mempool if the block is the node's own. If
// it is postponed, so is the block.
//
// Members must agree about blocks. So check must depend on the message only, unlike a CheckMessage,
// which may for example limit the rate of a sender.
func EachMessage(check func(context.Context, block.Message) ephemera.Decision) func(context.Context, block.Block) ephemera.Decision {
	return func(ctx context.Context, b block.Block) ephemera.Decision {
		for _, m := range b.Messages {
			switch d := check(ctx, m); {
			case d.IsReject():
				return d.Dropping(m.ID())
			case !d.IsAccept():
				return d
			}
		}
		return ephemera.Accept()
	}
}

// VerifySignature is a Config.CheckMessage that verifies the sender's signature. It is for messages
// that did not pass through a node, which verifies them itself.
func VerifySignature(_ context.Context, m block.Message) ephemera.Decision {
	if !m.Verify() {
		return ephemera.Reject("the signature is not the sender's")
	}
	return ephemera.Accept()
}
