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

// Config describes a node. Key, Group, Store and Transport are required; zero values of the rest
// are the defaults.
type Config struct {
	Key       keys.Private
	Group     *membership.Group   // the newest that is known; the store's groups are gone on with, Node.Adopt brings later ones
	Store     store.Store         // opened by the caller, closed by the caller after Run; home.Open opens one
	Transport transport.Transport // made by the caller, run by the node

	// Peers tells where members are reached. With it the node keeps a Transport that has SetPeers
	// (p2p.Transport does) connected with the members of all groups that it needs, and it is an error
	// where the Transport does not; without it, that begins with the first Adopt, whose list must then
	// be complete.
	Peers []membership.Peer

	// BeginGroup is called before the node signs anything in a group, and makes the group's number
	// durable outside the store (PROTOCOL.md R8). home.Home has one; without it a lost store cannot be
	// noticed, which is for tests and simulations.
	BeginGroup func(number uint64) error
	// Mute makes durable, before a safety halt ends Run, that the node signs nothing in groups up to
	// this number any more, whoever starts it again. home.Home has one.
	Mute func(number uint64) error
	// MutedThrough is the highest group number in which the node must not sign, because an earlier
	// store was lost.
	MutedThrough uint64

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

// Retention says for how long the messages of certified and delivered blocks are kept. Each bound
// alone suffices for them to go. All members should keep messages for longer than anybody may be
// away: whoever misses a block that f+1 members have removed gets its header and certificate only
// (PROTOCOL.md R6).
type Retention struct {
	Age    time.Duration // running time of the store since the block came here; 0: however old
	Blocks uint64        // of each chain; 0: however many
	Every  time.Duration // between two looks: 1 min
}

func (r Retention) removes() bool { return r.Age > 0 || r.Blocks > 0 }

// Validate tells what is missing.
func (c Config) Validate() error {
	var errs []error
	for _, missing := range []struct {
		name   string
		absent bool
	}{
		{"Key", c.Key.Public() == keys.Public{}}, {"Group", c.Group == nil}, {"Store", c.Store == nil}, {"Transport", c.Transport == nil},
	} {
		if missing.absent {
			errs = append(errs, fmt.Errorf("config: %s is required", missing.name))
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
