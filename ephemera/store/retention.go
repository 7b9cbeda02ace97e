package store

import (
	"cmp"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Retention says what Prune removes. Each bound alone suffices for a body to go; the zero value
// removes nothing. Headers, certificates, votes, evidence and groups always stay, and so do the
// messages of blocks that are not certified and delivered.
type Retention struct {
	// Before removes the messages of blocks whose header's time (milliseconds since 1970, the
	// creator's clock) is earlier; 0: none.
	Before int64
	// Keep is how many blocks a chain keeps whole, counted down from its highest contiguous certified
	// height; 0: all.
	Keep uint64
	// Messages lets the IDs of removed messages be forgotten once all messages of their block have a
	// signed time before it (milliseconds since 1970); 0: none. It is the age at which a mempool
	// refuses a message anyway.
	Messages int64
}

// Removes tells whether the messages of a certified and delivered block go: its height, its
// header's time, and the highest contiguous certified height of its chain.
func (r Retention) Removes(height uint64, time int64, certified uint64) bool {
	return r.Before > 0 && time < r.Before || r.Keep > 0 && certified >= r.Keep && height <= certified-r.Keep
}

// Pruned says what Prune removed.
type Pruned struct {
	Blocks int   // whose messages went
	Bytes  int64 // encoded messages that went; one that several blocks hold goes with the last of them
}

// Included is a message of a certified block, for telling duplicates.
type Included struct {
	ID     block.MessageID
	Sender keys.Public
	Time   int64 // as signed, milliseconds since 1970
	Own    bool  // it is in a block of the store's own key (Identity)
}

// MergeIncluded puts messages in the order of Store.Included, each once; one that is in several
// blocks is own where it is in any.
func MergeIncluded(all []Included) []Included {
	slices.SortFunc(all, func(a, b Included) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), slices.Compare(a.ID[:], b.ID[:]))
	})
	merged := all[:0]
	for _, m := range all {
		if last := len(merged) - 1; last >= 0 && merged[last].ID == m.ID {
			merged[last].Own = merged[last].Own || m.Own
			continue
		}
		merged = append(merged, m)
	}
	return merged
}
