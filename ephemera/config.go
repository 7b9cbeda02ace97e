package ephemera

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// Config describes a node. Key, Store, Votes, Group and Transport are required; zero values of the
// rest are the defaults.
type Config struct {
	Key keys.Private
	// Store must be open. The caller closes it after Run.
	Store store.Store
	// Votes records outside the store what must survive the loss of the store. Use the node's
	// home.Home, or VotesKeptNowhere in a test.
	Votes VoteRecord

	// Group is the newest known group. The node continues with the groups in its store, and Node.Adopt
	// adds later ones.
	Group     *membership.Group
	Transport transport.Transport // created by the caller, run by the node

	// Peers are the addresses of the members. If it is not nil, the Transport must have the method
	// SetPeers, as p2p.Transport has: the node keeps it connected with the members of all groups that
	// it needs. Otherwise the node does so from the first Adopt on, whose list must then be complete.
	Peers []membership.Peer

	// Clients are the keys of senders who are not members and whose messages this node accepts.
	// Members with other clients still accept the blocks.
	Clients []keys.Public

	// MakeBlocks is how many members must be online before the node makes its first block after a
	// start. Default AnyOnline.
	MakeBlocks OnlineKind

	Include mempool.Include // which messages the node's blocks may take. Default mempool.Own
	Mempool mempool.Limits  // bounds of the mempool
	// Work bounds the work that the frames of one peer may cause. A peer beyond it is slowed down.
	Work     admission.Limits
	Exchange time.Duration // between two frontiers. Default 1 s
	HandOver time.Duration // after which an older group is closed. Default 1 min
	// ChainRate bounds what each member's chain adds to the store. The zero value is derived from the
	// defaults of package limits for Group.
	ChainRate ChainRate
	// Disk says when blocks wait because the disk of the store fills.
	Disk Disk
	// Retention removes the messages of old blocks. Headers and certificates are kept. The zero value
	// keeps everything.
	Retention Retention
	// Hold keeps an older group open until HandOver or Node.CloseGroup ends it, so that the node may
	// still make blocks there (Turn, Node.SubmitIn). Otherwise an older group is closed as soon as
	// none of its slots is under way.
	Hold bool
	// Timing holds the waits before fetching, resending and asking again.
	Timing Timing
	Logger *slog.Logger // may be nil
}

// Timing holds a node's waits (PROTOCOL.md R6 and R7). All fields are in milliseconds, and a zero
// field takes the default:
//
//	Fetch       before fetching bodies that gossip may still bring: 20
//	Retry       before the first resend of something unfinished: 400
//	Cap         the longest wait between two attempts: 5000
//	Reconsider  before asking the application again after Later: 1000
type Timing = broadcast.Timing

// VoteRecord records outside the store in which groups a node has signed, and in which it must no
// longer sign (PROTOCOL.md R8), and counts its votes. It detects the loss of a store or of votes in
// it, and keeps a node muted that halted and was started again. *home.Home implements it.
//
// The node calls BeginGroup, CountVotes and Mute one at a time, and MutedThrough concurrently with
// all methods. It repeats BeginGroup and CountVotes while they return store.ErrFull, which means
// that nothing was recorded.
type VoteRecord interface {
	// BeginGroup makes durable that the node signs in the group with this number. The node calls it
	// before its first signature in the group. After an error it signs nothing, and Run ends.
	BeginGroup(number uint64) error
	// CountVotes makes durable that one more commit of the store holds votes (store.HoldVotes). The
	// node calls it after each such commit, before it signs anything in it. After an error it signs
	// nothing, and Run ends. The store counts the same (store.Identity.Votes): one that is behind at
	// a start lost votes, and one that is ahead by one is the result of a crash between the two.
	CountVotes() error
	// Mute makes durable that the node signs nothing more in groups up to this number. The node calls
	// it before a safety halt ends Run. The error of Run then includes that of Mute.
	Mute(number uint64) error
	// MutedThrough returns the highest number of a group in which the node must not sign, or 0. It
	// never decreases, and after Mute it is at least the number given there. It is called often and
	// must not block.
	MutedThrough() uint64
}

// VotesKeptNowhere is a VoteRecord that records nothing. A node that uses it detects neither a lost
// store nor an earlier halt, and may sign a second block for a slot after a restart. It is for
// tests, benchmarks and simulations only.
type VotesKeptNowhere struct{}

// BeginGroup does nothing.
func (VotesKeptNowhere) BeginGroup(uint64) error { return nil }

// CountVotes does nothing.
func (VotesKeptNowhere) CountVotes() error { return nil }

// Mute does nothing.
func (VotesKeptNowhere) Mute(uint64) error { return nil }

// MutedThrough returns 0.
func (VotesKeptNowhere) MutedThrough() uint64 { return 0 }

// Retention says for how long the messages of certified and delivered blocks are kept. Messages
// beyond either bound are removed. All members should keep messages for longer than a member may be
// away: one that misses a block whose messages f+1 members have removed gets the header and the
// certificate only (PROTOCOL.md R6).
type Retention struct {
	Age    time.Duration // running time of the store since the block arrived; 0: no bound
	Blocks uint64        // of each chain; 0: no bound
	Every  time.Duration // between two rounds. Default 1 min
}

func (r Retention) removes() bool { return r.Age > 0 || r.Blocks > 0 }

// Validate returns everything that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	for _, missing := range []struct {
		name   string
		absent bool
		advice string
	}{
		{"Key", c.Key.Public() == keys.Public{}, ""},
		{"Store", c.Store == nil, ""},
		{"Votes", c.Votes == nil, " (the node's home.Home, or VotesKeptNowhere in a test)"},
		{"Group", c.Group == nil, ""},
		{"Transport", c.Transport == nil, ""},
	} {
		if missing.absent {
			errs = append(errs, fmt.Errorf("config: %s is required%s", missing.name, missing.advice))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if n := c.Group.N(); n > membership.MaxMembers {
		errs = append(errs, fmt.Errorf("config: Group has %d members, a node runs in a group of at most %d", n, membership.MaxMembers))
	}
	if _, ok := c.Transport.(peerSetter); !ok && c.Peers != nil {
		errs = append(errs, fmt.Errorf("config: Peers needs a Transport with SetPeers, %T has none", c.Transport))
	}
	if c.Retention.Age < 0 || c.Retention.Every < 0 {
		errs = append(errs, fmt.Errorf("config: Retention.Age is %s and Every %s, expected positive durations", c.Retention.Age, c.Retention.Every))
	}
	for _, err := range []error{checkRate(c.ChainRate), c.Disk.validate()} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if c.Exchange < 0 || c.HandOver < 0 {
		errs = append(errs, fmt.Errorf("config: Exchange is %s and HandOver %s, expected positive durations", c.Exchange, c.HandOver))
	}
	return errors.Join(errs...)
}
