package broadcast

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Config configures an Instance.
type Config struct {
	Group *membership.Group
	Self  int // this member's place in the group
	// Muted says that an earlier vote store was lost, so this member signs no header and no echo in
	// this group (R8).
	Muted bool
	// Closed says that this member signs nothing new in the group (R9). It still sends stored echoes
	// and certificates, fetches and delivers.
	Closed bool
	// Waiting says that this member makes no new vote on a chain before Release is called for it. It
	// signs stored votes again (R8).
	Waiting bool
	Timing  Timing
	// Rate bounds what each chain adds to the store; zero: nothing does.
	Rate Rate
	// Stored are the messages in the store, as far as they are remembered: their bodies cost nothing
	// in further blocks.
	Stored *StoredBodies
	// Bodies returns a verified message by ID, usually from the mempool.
	Bodies func(block.MessageID) (block.Message, bool)
}

// Timing holds the waits of R6 and R7 in milliseconds. Zero fields take the defaults.
type Timing struct {
	Fetch      int64 // before fetching bodies that gossip may still bring: 20
	Retry      int64 // before the first resend of something unfinished: 400
	Cap        int64 // longest wait between two attempts: 5000
	Reconsider int64 // before asking the application again after *later*: 1000
}

// WithDefaults returns the waits with zero fields filled in.
func (t Timing) WithDefaults() Timing {
	for _, field := range []struct {
		value    *int64
		standard int64
	}{{&t.Fetch, 20}, {&t.Retry, 400}, {&t.Cap, 5000}, {&t.Reconsider, 1000}} {
		if *field.value <= 0 {
			*field.value = field.standard
		}
	}
	return t
}

// busyMembers is the size of a group up to which a member answers before Timing.Retry, busy as it
// may be.
const busyMembers = 16

// ForSize returns a wait in a group of n members. In a larger group a member handles more frames
// before it answers, so that the wait grows in proportion: what is late there is not lost.
func ForSize(wait int64, n int) int64 { return max(wait, wait*int64(n)/busyMembers) }
