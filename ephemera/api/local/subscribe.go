package local

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Subscribe implements api.API. It reads the store when the caller asks for the next block, so a
// slow caller delays nobody.
func (a local) Subscribe(ctx context.Context, s api.Subscription) iter.Seq2[api.Entry, error] {
	return func(yield func(api.Entry, error) bool) {
		if err := a.follow(ctx, s, yield); err != nil {
			yield(api.Entry{}, problem(err))
		}
	}
}

// Bounds of one read of the store.
const (
	listBlocks = api.MaxPage
	listBytes  = 1 << 20
)

// follow yields blocks and waits for more. It returns nil when yield returns false.
func (a local) follow(ctx context.Context, s api.Subscription, yield func(api.Entry, error) bool) error {
	if s.Own {
		if s.Creator != (keys.Public{}) && s.Creator != a.self {
			return api.NewProblem(api.Invalid, "own blocks and those of another creator are both asked for: leave one out")
		}
		s.Creator = a.self
	}
	if err := a.checkCursor(ctx, s.From); err != nil {
		return err
	}
	after := uint64(s.From)
	if s.From == api.Now {
		last, err := a.tail.end(ctx)
		if err != nil {
			return err
		}
		after = last
		s.ReportProgress(api.Cursor(after))
	}
	peers := a.peers()
	readable := time.Now() // when the last read found no damaged block
	for {
		changed := a.node.Changed() // taken before the read, so that no block is missed in between
		entries, next, err := a.tail.after(ctx, after, s.Creator)
		if errors.Is(err, store.ErrCorrupt) && time.Since(readable) < repairPatience {
			if err := a.await(ctx, changed, time.After(repairWait)); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		readable = time.Now()
		for i, e := range entries {
			entries[i] = store.Entry{} // a slow caller keeps only what it has not got
			cursor := api.Cursor(e.Sequence)
			if s.Label == "" || hasLabel(e.Block, s.Label) {
				entry, err := a.entry(e, peers)
				if err != nil {
					return err
				}
				if !yield(entry, nil) {
					return nil
				}
			}
			s.ReportProgress(cursor)
		}
		if next > after {
			after = next
			s.ReportProgress(api.Cursor(after))
			continue
		}
		if err := a.await(ctx, changed, nil); err != nil {
			return err
		}
	}
}

// A subscriber waits for a damaged block until the node has fetched it again, but not forever. An
// error tells it then that it misses a block.
const (
	repairWait     = time.Second
	repairPatience = 30 * time.Second
)

// await returns nil after either signal.
func (a local) await(ctx context.Context, changed <-chan struct{}, timeout <-chan time.Time) error {
	select {
	case <-changed:
		return nil
	case <-timeout:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-a.node.Stopped():
		return ephemera.ErrStopped
	}
}

func hasLabel(b block.Block, label string) bool {
	for _, m := range b.Messages {
		if m.Label() == label {
			return true
		}
	}
	return false
}

// lastSequence returns the lowest sequence above which the store holds no block. It reads the store
// about 2 log2 of it times.
func (a local) lastSequence(ctx context.Context) (uint64, error) {
	above := func(sequence uint64) (bool, error) { return a.anyAfter(ctx, sequence) }
	// After the first loop, some block is above low unless low is 0, and none is above high.
	var low, high uint64 = 0, 1
	for {
		more, err := above(high)
		if err != nil {
			return 0, err
		}
		if !more {
			break
		}
		low, high = high, 2*high
	}
	for low < high {
		middle := low + (high-low)/2
		more, err := above(middle)
		if err != nil {
			return 0, err
		}
		if more {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

// anyAfter reports whether the store holds a block above a sequence, damaged or not.
func (a local) anyAfter(ctx context.Context, sequence uint64) (bool, error) {
	entries, err := a.store.List(ctx, sequence, keys.Public{}, 1, 1)
	if errors.Is(err, store.ErrCorrupt) {
		return true, nil
	}
	return len(entries) > 0, err
}

// checkCursor refuses a cursor that this store never issued. A store that replaces a lost one
// counts from the beginning, so a caller that continued with an old cursor would miss blocks or get
// them twice without noticing.
func (a local) checkCursor(ctx context.Context, cursor api.Cursor) error {
	if cursor == 0 || cursor == api.Now {
		return nil
	}
	found, err := a.anyAfter(ctx, uint64(cursor)-1)
	if err == nil && !found {
		err = api.NewProblem(api.Invalid, fmt.Sprintf("cursor %d is beyond the last block of this node's store "+
			"(a cursor belongs to one store: if the store was replaced, begin again with 0)", cursor))
	}
	return err
}
