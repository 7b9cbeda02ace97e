package ephemera

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

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
	// Store is opened by the caller, who closes it after Run.
	Store store.Store
	// Votes keeps outside the store what must not be lost with it. A home.Home is one.
	// VotesKeptNowhere says that nothing is kept.
	Votes VoteRecord

	// Group is the newest group that is known. The node continues with the groups in its store;
	// Node.Adopt brings later ones.
	Group     *membership.Group
	Transport transport.Transport // made by the caller, run by the node

	// Peers tells where members are reached. With it the node keeps a Transport that has SetPeers
	// (p2p.Transport does) connected with the members of all groups that it needs, and it is an error
	// where the Transport does not; without it, that begins with the first Adopt, whose list must then
	// be complete.
	Peers []membership.Peer

	// Clients are keys beside the members' whose messages this node takes. Members with other clients
	// still accept the blocks.
	Clients []keys.Public

	// MakeBlocks says how many members must be online before the first own block after a start;
	// AnyOnline.
	MakeBlocks OnlineKind

	Include  mempool.Include // which messages an own block may take; mempool.Own
	Mempool  mempool.Limits  // bounds of the mempool
	Exchange time.Duration   // between two frontiers: 1 s
	HandOver time.Duration   // that a group stays open at most after a newer one came: 1 min
	// Retention removes the messages of old blocks; headers and certificates stay. The zero value
	// keeps everything.
	Retention Retention
	// Hold keeps an older group open for all of HandOver, so that its blocks may still be made (Turn,
	// Node.SubmitIn), unless Node.CloseGroup ends it. Without it an older group is closed once none of
	// its slots is under way.
	Hold   bool
	Timing broadcast.Timing // waits before fetching and resending
	Logger *slog.Logger     // nothing is logged without it
}

// VoteRecord keeps outside the store in which groups a node has signed, and in which it must not
// sign any more (PROTOCOL.md R8): so a store that was lost is noticed, and a node that halted stays
// mute whoever starts it again. *home.Home is one.
//
// The node calls BeginGroup and Mute one at a time, and MutedThrough concurrently with them and
// with itself.
type VoteRecord interface {
	// BeginGroup makes durable that the node signs in the group of this number. The node calls it
	// before the first signature in the group; an error ends Run, and nothing is signed.
	BeginGroup(number uint64) error
	// Mute makes durable that the node signs nothing any more in groups up to this number. The node
	// calls it before a safety halt ends Run, whose error then holds that of Mute as well.
	Mute(number uint64) error
	// MutedThrough returns the highest number of a group in which the node must not sign, 0 if there is
	// none. It never becomes less, and after Mute it is at least the number given there. The node asks
	// often, so it must return at once.
	MutedThrough() uint64
}

// VotesKeptNowhere is a VoteRecord that keeps nothing: neither a lost store nor an earlier halt is
// noticed, so that a node which is started again may sign a second block for a slot. It is for
// tests, benchmarks and simulations, whose nodes lose nothing or are not started again.
type VotesKeptNowhere struct{}

// BeginGroup does nothing.
func (VotesKeptNowhere) BeginGroup(uint64) error { return nil }

// Mute does nothing.
func (VotesKeptNowhere) Mute(uint64) error { return nil }

// MutedThrough returns 0.
func (VotesKeptNowhere) MutedThrough() uint64 { return 0 }

// Retention says for how long the messages of certified and delivered blocks are kept. Each bound
// alone suffices for them to go. All members should keep messages for longer than anybody may be
// away: whoever misses a block that f+1 members have removed gets its header and certificate only
// (PROTOCOL.md R6).
type Retention struct {
	Age    time.Duration // by the header's time; 0: however old
	Blocks uint64        // of each chain; 0: however many
	Every  time.Duration // between two looks: 1 min
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
		errs = append(errs, fmt.Errorf("config: group of %d members, a node runs in at most %d", n, membership.MaxMembers))
	}
	if _, ok := c.Transport.(peerSetter); !ok && c.Peers != nil {
		errs = append(errs, fmt.Errorf("config: Peers needs a Transport with SetPeers, %T has none", c.Transport))
	}
	if c.Retention.Age < 0 || c.Retention.Every < 0 {
		errs = append(errs, fmt.Errorf("config: Retention.Age is %s and Every %s, expected positive durations", c.Retention.Age, c.Retention.Every))
	}
	if c.Exchange < 0 || c.HandOver < 0 {
		errs = append(errs, fmt.Errorf("config: Exchange is %s and HandOver %s, expected positive durations", c.Exchange, c.HandOver))
	}
	return errors.Join(errs...)
}
