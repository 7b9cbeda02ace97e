package store

import (
	"cmp"
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Retention says which messages Prune removes: those of blocks that Age or Keep selects. The zero
// value removes nothing. Headers, certificates, votes, evidence and groups always stay, and so do
// the messages of blocks that are not both certified and delivered.
type Retention struct {
	// Age selects blocks that have been in the store for at least this much of its running time, which
	// is the time for which the store was open. A block counts from when the store had both its
	// certificate and its messages, however old its header says it is: neither its creator's clock nor
	// the wall clock has a part in it. Zero selects none. A crash may lose a minute of running time.
	Age time.Duration
	// Keep is the number of blocks of each chain that keep their messages, counted down from the
	// highest contiguous certified height; lower blocks are selected. Zero selects none.
	Keep uint64
	// Messages lets the store forget the IDs of a block's removed messages if all of them were signed
	// before this time (milliseconds since 1970), and the store has had them for at least Remember of
	// its running time. Zero forgets none. Set both to the age at which the mempool refuses a message
	// anyway: forgotten messages are missing in Store.Included. With Remember, a wall clock that is
	// wrong for a moment makes the store forget nothing that is young.
	Messages int64
	Remember time.Duration
}

// Forgets reports whether Prune forgets the IDs of a block's removed messages, given the latest
// time at which one was signed, and for how much running time in milliseconds they have been in the
// store.
func (r Retention) Forgets(newest, age int64) bool {
	return newest < r.Messages && age >= r.Remember.Milliseconds()
}

// Removes reports whether Prune removes the messages of a certified and delivered block, given its
// height, for how much running time in milliseconds it has been in the store, and the highest
// contiguous certified height of its chain.
func (r Retention) Removes(height uint64, age int64, certified uint64) bool {
	return r.Age > 0 && age >= r.Age.Milliseconds() || r.Keep > 0 && certified >= r.Keep && height <= certified-r.Keep
}

// Pruned says what Prune removed.
type Pruned struct {
	Blocks int // blocks whose messages were removed
	// Bytes is the size of the removed messages. A message in several blocks is removed, and counted,
	// together with the last of them.
	Bytes int64
}

// Included identifies a message of a certified block, for detecting duplicates.
type Included struct {
	ID     block.MessageID
	Sender keys.Public
	Time   int64 // as signed, milliseconds since 1970
	Own    bool  // the message is in a block created by the store's own key (Identity)
}

// MergeIncluded sorts messages into the order of Store.Included and removes duplicates, in place. A
// message is Own if any of its duplicates is.
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
