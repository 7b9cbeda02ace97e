package local

import (
	"context"
	"fmt"
	"iter"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Subscribe implements API. Blocks are read from the store when the caller asks for the next, so a
// slow caller keeps nobody waiting.
func (a local) Subscribe(ctx context.Context, s api.Subscription) iter.Seq2[api.Entry, error] {
	return func(yield func(api.Entry, error) bool) {
		if err := a.follow(ctx, s, yield); err != nil {
			yield(api.Entry{}, problem(err))
		}
	}
}

// Bounds of what one read of the store brings.
const (
	listBlocks = api.MaxPage
	listBytes  = 1 << 20
)

// follow yields blocks until the caller has enough: nil, or something ends it.
func (a local) follow(ctx context.Context, s api.Subscription, yield func(api.Entry, error) bool) error {
	if s.Own {
		if s.Creator != (keys.Public{}) && s.Creator != a.self {
			return api.NewProblem(api.Invalid, "own blocks of another creator: leave one of the two out")
		}
		s.Creator = a.self
	}
	if err := a.reached(ctx, s.From); err != nil {
		return err
	}
	after := uint64(s.From)
	if s.From == api.Now {
		last, err := a.last(ctx)
		if err != nil {
			return err
		}
		after = last
		s.Looked(api.Cursor(after))
	}
	names := a.names()
	for {
		changed := a.node.Changed() // before the store is read, so that nothing comes unnoticed in between
		entries, err := a.store.List(ctx, after, s.Creator, listBlocks, listBytes)
		if err != nil {
			return err
		}
		for _, e := range entries {
			after = e.Sequence
			if s.Label == "" || hasLabel(e.Block, s.Label) {
				entry, err := a.entry(e, names)
				if err != nil {
					return err
				}
				if !yield(entry, nil) {
					return nil
				}
			}
			s.Looked(api.Cursor(after))
		}
		if len(entries) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-a.node.Stopped():
			return ephemera.ErrStopped
		}
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

// last returns the sequence of the last block in the store, or at least its place: nothing is above
// it. It asks about 2 log2 of it times.
func (a local) last(ctx context.Context) (uint64, error) {
	above := func(sequence uint64) (bool, error) {
		entries, err := a.store.List(ctx, sequence, keys.Public{}, 1, 1)
		return len(entries) > 0, err
	}
	var low, high uint64 = 0, 1 // something is above low, if low is not 0; nothing above high after the first loop
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

// reached refuses a cursor that this store has never given out: a store that took the place of a
// lost one counts anew, and who goes on there with an old cursor would miss blocks or get them
// twice, and not know.
func (a local) reached(ctx context.Context, cursor api.Cursor) error {
	if cursor == 0 || cursor == api.Now {
		return nil
	}
	entries, err := a.store.List(ctx, uint64(cursor)-1, keys.Public{}, 1, 1)
	if err == nil && len(entries) == 0 {
		err = api.NewProblem(api.Invalid, fmt.Sprintf("cursor %d is beyond the last block here: cursors belong to one node's store; "+
			"if it is another one now, begin again with 0", cursor))
	}
	return err
}
