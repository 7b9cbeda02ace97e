package local

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// tail is what subscribers read. It has the newest entries of the store, which are read once for
// all subscribers that are up to date. Those that are behind read the store themselves, one at a
// time and in small pages, so that they leave it to others. It is safe for concurrent use.
type tail struct {
	store store.Store
	last  func(context.Context) (uint64, error) // the store's last sequence
	turn  chan struct{}                         // of the one that reads the store

	mu      sync.Mutex
	started bool
	from    uint64        // entries has all above it
	upTo    uint64        // and up to this one
	entries []store.Entry // by sequence
	bytes   int           // of their messages
}

// Bounds of what is in memory. One entry may be larger.
const (
	tailBytes    = 1 << 20   // of the tail
	historyBytes = 256 << 10 // that a subscriber reads of the store at a time
	pageBytes    = 64 << 10  // that it takes from the tail at a time
)

func newTail(of store.Store, last func(context.Context) (uint64, error)) *tail {
	return &tail{store: of, last: last, turn: make(chan struct{}, 1)}
}

// lock waits until the caller may read the store.
func (t *tail) lock(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *tail) unlock() { <-t.turn }

// after returns the next entries above a sequence, of one creator if it is not zero, and the
// sequence to continue from. There is nothing new yet if that has not changed.
func (t *tail) after(ctx context.Context, sequence uint64, creator keys.Public) ([]store.Entry, uint64, error) {
	if found, next, ok := t.kept(sequence, creator); ok {
		return found, next, nil
	}
	if err := t.lock(ctx); err != nil {
		return nil, sequence, err
	}
	defer t.unlock()
	if err := t.start(ctx); err != nil {
		return nil, sequence, err
	}
	if t.covers(sequence) {
		if _, ok := t.hasAfter(sequence); !ok { // nobody has read it meanwhile
			if _, err := t.read(ctx); err != nil {
				return nil, sequence, err
			}
		}
		if found, next, ok := t.kept(sequence, creator); ok {
			return found, next, nil
		}
		if t.covers(sequence) {
			return nil, sequence, nil
		}
	}
	return t.history(ctx, sequence, creator)
}

// history reads entries that are older than the tail. The caller has the turn.
func (t *tail) history(ctx context.Context, sequence uint64, creator keys.Public) ([]store.Entry, uint64, error) {
	t.mu.Lock()
	upTo := t.upTo // the store has all up to here
	t.mu.Unlock()
	found, err := t.store.List(ctx, sequence, creator, listBlocks, historyBytes)
	if err != nil {
		return nil, sequence, err
	}
	if len(found) == 0 {
		return nil, max(sequence, upTo), nil
	}
	return found, found[len(found)-1].Sequence, nil
}

// end returns the last sequence of the store.
func (t *tail) end(ctx context.Context) (uint64, error) {
	if err := t.lock(ctx); err != nil {
		return 0, err
	}
	defer t.unlock()
	if err := t.start(ctx); err != nil {
		return 0, err
	}
	more, err := t.read(ctx)
	if more || errors.Is(err, store.ErrCorrupt) { // finding the end is quicker than reading up to it
		t.mu.Lock()
		t.started = false
		t.mu.Unlock()
		err = t.start(ctx)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.upTo, err
}

// start begins the tail at the end of the store. The caller has the turn.
func (t *tail) start(ctx context.Context) error {
	t.mu.Lock()
	started := t.started
	t.mu.Unlock()
	if started {
		return nil
	}
	last, err := t.last(ctx)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started, t.from, t.upTo, t.entries, t.bytes = true, last, last, nil, 0
	return nil
}

// read adds what the store has above the tail, and reports whether it may have more. The caller has
// the turn.
func (t *tail) read(ctx context.Context) (more bool, err error) {
	t.mu.Lock()
	upTo := t.upTo
	t.mu.Unlock()
	found, err := t.store.List(ctx, upTo, keys.Public{}, listBlocks, tailBytes)
	if err != nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	added := 0
	for _, e := range found {
		t.upTo = e.Sequence
		added += e.Block.BodyBytes()
	}
	t.entries, t.bytes = append(t.entries, found...), t.bytes+added
	t.shorten()
	return len(found) == listBlocks || added > tailBytes/2, nil
}

// shorten removes the oldest entries above the bounds, but not the newest one.
func (t *tail) shorten() {
	remove := 0
	for ; len(t.entries)-remove > 1 && (len(t.entries)-remove > listBlocks || t.bytes > tailBytes); remove++ {
		t.from = t.entries[remove].Sequence
		t.bytes -= t.entries[remove].Block.BodyBytes()
	}
	if remove > 0 {
		t.entries = slices.Clone(t.entries[remove:]) // the array would keep the others
	}
}

// covers reports whether the tail has all that follows a sequence.
func (t *tail) covers(sequence uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.started && sequence >= t.from
}

// hasAfter returns the index of the first entry above a sequence, if the tail has it.
func (t *tail) hasAfter(sequence uint64) (int, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.index(sequence)
}

func (t *tail) index(sequence uint64) (int, bool) {
	i, _ := slices.BinarySearchFunc(t.entries, sequence, func(e store.Entry, s uint64) int {
		if e.Sequence <= s {
			return -1
		}
		return 1
	})
	return i, t.started && sequence >= t.from && i < len(t.entries)
}

// kept is after for entries that the tail has. It returns a copy, so that a slow subscriber does
// not keep the rest.
func (t *tail) kept(sequence uint64, creator keys.Public) (found []store.Entry, next uint64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first, ok := t.index(sequence)
	if !ok {
		return nil, sequence, false
	}
	next = sequence
	for bytes := 0; first < len(t.entries); first++ {
		e := t.entries[first]
		if bytes += e.Block.BodyBytes(); len(found) > 0 && bytes > pageBytes {
			break
		}
		next = e.Sequence
		if (creator == keys.Public{}) || e.Block.Header.Creator == creator {
			found = append(found, e)
		} else {
			bytes -= e.Block.BodyBytes()
		}
	}
	return found, next, true
}
