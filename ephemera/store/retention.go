package store

import (
	"cmp"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Retention says which messages Prune removes: those of blocks that Before or Keep selects. The
// zero value removes nothing. Headers, certificates, votes, evidence and groups always stay, and so
// do the messages of blocks that are not both certified and delivered.
type Retention struct {
	// Before selects blocks whose header has an earlier time (milliseconds since 1970, the creator's
	// clock). Zero selects none.
	Before int64
	// Keep is the number of blocks of each chain that keep their messages, counted down from the
	// highest contiguous certified height; lower blocks are selected. Zero selects none.
	Keep uint64
	// Messages lets the store forget the IDs of a block's removed messages if all of them were signed
	// before this time (milliseconds since 1970). Zero forgets none. Set it to the age at which the
	// mempool refuses a message anyway: forgotten messages are missing in Store.Included.
	Messages int64
}

// Removes reports whether Prune removes the messages of a certified and delivered block, given its
// height, its header's time, and the highest contiguous certified height of its chain.
func (r Retention) Removes(height uint64, time int64, certified uint64) bool {
	return r.Before > 0 && time < r.Before || r.Keep > 0 && certified >= r.Keep && height <= certified-r.Keep
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
