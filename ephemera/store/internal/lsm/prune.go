package lsm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/leaves"
)

// Bounds of one batch of Prune, so that a commit never waits for long. The first body always goes,
// however large it is.
const (
	pruneBodies   = 64
	pruneMessages = 1024
)

// wholeBody is a certified block whose messages are there: key and value of keyWhole.
type wholeBody struct {
	slot   block.Slot
	time   int64
	newest int64
	id     block.ID
}

func decodeWhole(rest, value []byte) (w wholeBody, err error) {
	if err := errors.Join(sized(rest, 72, "slot"), sized(value, 48, "body's place")); err != nil {
		return w, err
	}
	copy(w.slot.Group[:], rest)
	copy(w.slot.Creator[:], rest[32:])
	w.slot.Height = binary.BigEndian.Uint64(rest[64:])
	w.time, w.newest = int64(binary.BigEndian.Uint64(value)), int64(binary.BigEndian.Uint64(value[8:]))
	w.id = block.ID(value[16:])
	return w, nil
}

// Included returns the messages of certified blocks; see store.Store.
func (s *Store) Included(ctx context.Context, since int64) ([]store.Included, error) {
	var all []store.Included
	err := s.view(ctx, func(v view) error {
		ids, err := v.recent(since)
		if err != nil {
			return err
		}
		identity, err := v.identity()
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		known := err == nil
		for _, id := range ids {
			h, err := v.held(id)
			if err != nil {
				return err
			}
			own := known && identity.Key == h.Header.Creator
			for _, l := range h.body.leaves {
				if l.Time >= since {
					all = append(all, store.Included{ID: l.ID, Sender: l.Sender, Time: l.Time, Own: own})
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load message IDs: %w", err)
	}
	return store.MergeIncluded(all), nil
}

// recent returns the certified blocks that have a message of since or later.
func (v view) recent(since int64) (ids []block.ID, err error) {
	err = v.each([]byte{keyWhole}, nil, func(rest, value []byte) (bool, error) {
		w, err := decodeWhole(rest, value)
		if w.newest >= since {
			ids = append(ids, w.id)
		}
		return true, err
	})
	if err != nil {
		return nil, err
	}
	err = v.each([]byte{keyRemoved}, number(uint64(max(since, 0))), func(rest, _ []byte) (bool, error) {
		if err := sized(rest, 40, "removed body"); err != nil {
			return false, err
		}
		ids = append(ids, block.ID(rest[8:]))
		return true, nil
	})
	return ids, err
}

// Prune removes messages; see store.Store.
func (s *Store) Prune(ctx context.Context, retention store.Retention) (store.Pruned, error) {
	s.pruning.Lock()
	defer s.pruning.Unlock()
	p := pruning{store: s, retention: retention, lowest: math.MaxUint64}
	err := p.bodies(ctx)
	if err == nil {
		err = p.forget(ctx)
	}
	if err == nil && p.lowest <= p.highest {
		err = s.db.Compact(ctx, key(keyMessage, number(p.lowest)), after(key(keyMessage, number(p.highest))))
	}
	if err != nil {
		return p.pruned, fmt.Errorf("prune: %w", err)
	}
	return p.pruned, nil
}

// pruning is one Prune.
type pruning struct {
	store           *Store
	retention       store.Retention
	pruned          store.Pruned
	lowest, highest uint64 // numbers of messages that went
}

func (p *pruning) bodies(ctx context.Context) error {
	if p.retention.Before <= 0 && p.retention.Keep == 0 {
		return nil
	}
	for from := []byte{}; from != nil; {
		var some []wholeBody
		err := p.store.view(ctx, func(v view) (err error) {
			some, from, err = p.next(v, from)
			return err
		})
		if err != nil {
			return err
		}
		if len(some) == 0 {
			continue
		}
		bytes := int64(0)
		err = p.store.write(ctx, func(b *batch) error {
			bytes, err = p.remove(b, some)
			return err
		})
		if err != nil {
			return err
		}
		p.pruned.Blocks, p.pruned.Bytes = p.pruned.Blocks+len(some), p.pruned.Bytes+bytes
	}
	return nil
}

// next returns bodies that go, within the bounds of a batch, and where to go on, nil at the end.
func (p *pruning) next(v view, from []byte) (some []wholeBody, next []byte, err error) {
	var (
		at                   block.Slot // chain of the numbers below
		certified, delivered uint64
		messages             int
	)
	err = v.each([]byte{keyWhole}, from, func(rest, value []byte) (bool, error) {
		w, err := decodeWhole(rest, value)
		if err != nil {
			return false, err
		}
		if w.slot.Group != at.Group || w.slot.Creator != at.Creator {
			at = w.slot
			b := batch{db: v}
			if certified, delivered, err = b.chain(at); err != nil {
				return false, err
			}
		}
		if w.slot.Height > min(certified, delivered) || !p.retention.Removes(w.slot.Height, w.time, certified) {
			return true, nil
		}
		old, err := v.body(w.id)
		if err != nil {
			return false, err
		}
		if messages += len(old.leaves); len(some) > 0 && (len(some) == pruneBodies || messages > pruneMessages) {
			next = append([]byte(nil), rest...)
			return false, nil
		}
		some = append(some, w)
		return true, nil
	})
	return some, next, err
}

// remove takes bodies away, and the messages that no other body has, and returns their size. Only
// Prune takes bodies away, so that they are still there.
func (p *pruning) remove(b *batch, some []wholeBody) (bytes int64, err error) {
	for _, w := range some {
		data, err := b.get(key(keyBody, w.id[:]))
		if err != nil {
			return 0, err
		}
		old, err := decodeBody(data)
		if err != nil {
			return 0, err
		}
		for _, leaf := range old.leaves {
			size, err := p.release(b, leaf)
			if err != nil {
				return 0, err
			}
			bytes += size
		}
		b.remove(slotKey(keyWhole, w.slot))
		b.set(key(keyRemoved, number(uint64(w.newest)), w.id[:]), []byte{})
		b.set(key(keyBody, w.id[:]), body{bytes: old.bytes, leaves: old.leaves}.encode())
	}
	return bytes, nil
}

// release counts one body less that has the message, removes it with the last of them, and returns
// its size then.
func (p *pruning) release(b *batch, leaf leaves.Leaf) (int64, error) {
	data, err := b.get(key(keyMessageID, leaf.ID[:]))
	if err != nil {
		return 0, err
	}
	at, bodies, err := pair(data, "message ID")
	if err != nil {
		return 0, err
	}
	if bodies > 1 {
		b.set(key(keyMessageID, leaf.ID[:]), append(number(at), number(bodies-1)...))
		return 0, nil
	}
	message, err := b.get(key(keyMessage, number(at)))
	if err != nil {
		return 0, err
	}
	p.lowest, p.highest = min(p.lowest, at), max(p.highest, at)
	b.remove(key(keyMessageID, leaf.ID[:]))
	b.remove(key(keyMessage, number(at)))
	return int64(len(message)), nil
}

// forget removes what is left of bodies whose messages are all older.
func (p *pruning) forget(ctx context.Context) error {
	before := uint64(max(p.retention.Messages, 0))
	for more := true; more; {
		err := p.store.write(ctx, func(b *batch) error {
			more = false
			return view{p.store.db}.each([]byte{keyRemoved}, nil, func(rest, _ []byte) (bool, error) {
				if err := sized(rest, 40, "removed body"); err != nil {
					return false, err
				}
				if binary.BigEndian.Uint64(rest) >= before {
					return false, nil
				}
				b.remove(key(keyRemoved, rest))
				b.remove(key(keyBody, rest[8:]))
				more = len(b.order) >= pruneMessages
				return !more, nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
