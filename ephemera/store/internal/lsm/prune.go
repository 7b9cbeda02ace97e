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

// Bounds of one batch of Prune, so that a commit never waits for long. A batch holds at least one
// body, however large it is.
const (
	pruneBodies   = 64
	pruneMessages = 1024
)

// indexedBody is an entry of the index keyWhole: a certified block whose messages are stored.
type indexedBody struct {
	slot    block.Slot
	arrived int64 // running time at which it came here
	newest  int64 // signed time among the messages
	id      block.ID
}

func decodeIndexed(rest, value []byte) (w indexedBody, err error) {
	if err := errors.Join(checkLength(rest, 72, "slot"), checkLength(value, 48, "index entry of a body")); err != nil {
		return w, err
	}
	copy(w.slot.Group[:], rest)
	copy(w.slot.Creator[:], rest[32:])
	w.slot.Height = binary.BigEndian.Uint64(rest[64:])
	w.arrived, w.newest = int64(binary.BigEndian.Uint64(value)), int64(binary.BigEndian.Uint64(value[8:]))
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
			if errors.Is(err, store.ErrCorrupt) {
				continue
			}
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

// recent returns the certified blocks that have, or had, a message signed at since or later.
func (v view) recent(since int64) (ids []block.ID, err error) {
	err = v.each([]byte{keyWhole}, nil, func(rest, value []byte) (bool, error) {
		w, err := decodeIndexed(rest, value)
		if w.newest >= since {
			ids = append(ids, w.id)
		}
		return true, err
	})
	if err != nil {
		return nil, err
	}
	err = v.each([]byte{keyRemoved}, number(uint64(max(since, 0))), func(rest, _ []byte) (bool, error) {
		if err := checkLength(rest, 40, "removed body"); err != nil {
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
	p := pruning{store: s, retention: retention, now: s.clock.Now(), lowest: math.MaxUint64}
	err := p.removeBodies(ctx)
	if err == nil {
		err = p.forgetIDs(ctx)
	}
	if err == nil && p.lowest <= p.highest {
		err = s.db.Compact(ctx, key(keyMessage, number(p.lowest)), prefixEnd(key(keyMessage, number(p.highest))))
	}
	if err != nil {
		return p.pruned, fmt.Errorf("prune: %w", err)
	}
	return p.pruned, nil
}

// pruning is a call of Prune.
type pruning struct {
	store           *Store
	retention       store.Retention
	now             int64 // running time
	pruned          store.Pruned
	lowest, highest uint64 // numbers among the removed messages
}

func (p *pruning) removeBodies(ctx context.Context) error {
	if p.retention.Age <= 0 && p.retention.Keep == 0 {
		return nil
	}
	for from := []byte{}; from != nil; {
		var bodies []indexedBody
		err := p.store.view(ctx, func(v view) (err error) {
			bodies, from, err = p.nextBodies(v, from)
			return err
		})
		if err != nil {
			return err
		}
		if len(bodies) == 0 {
			continue
		}
		bytes := int64(0)
		err = p.store.write(ctx, reserveToRemove, func(b *batch) error {
			bytes, err = p.remove(b, bodies)
			return err
		})
		if err != nil {
			return err
		}
		p.pruned.Blocks, p.pruned.Bytes = p.pruned.Blocks+len(bodies), p.pruned.Bytes+bytes
	}
	return nil
}

// nextBodies returns bodies to remove, as many as a batch may hold, starting at from in the index.
// next is where to continue, or nil at the end of the index.
func (p *pruning) nextBodies(v view, from []byte) (bodies []indexedBody, next []byte, err error) {
	var (
		at                   block.Slot // a slot of the chain that certified and delivered describe
		certified, delivered uint64
		messages             int
	)
	err = v.each([]byte{keyWhole}, from, func(rest, value []byte) (bool, error) {
		w, err := decodeIndexed(rest, value)
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
		if w.slot.Height > min(certified, delivered) || !p.retention.Removes(w.slot.Height, p.now-w.arrived, certified) {
			return true, nil
		}
		old, err := v.body(w.id)
		if errors.Is(err, store.ErrCorrupt) {
			return true, nil // once it was repaired, it is removed
		}
		if err != nil {
			return false, err
		}
		if messages += len(old.leaves); len(bodies) > 0 && (len(bodies) == pruneBodies || messages > pruneMessages) {
			next = append([]byte(nil), rest...)
			return false, nil
		}
		bodies = append(bodies, w)
		return true, nil
	})
	return bodies, next, err
}

// remove removes bodies, and the messages that no other body contains, and returns the size of
// those messages. The bodies still exist, because only Prune removes any.
func (p *pruning) remove(b *batch, bodies []indexedBody) (bytes int64, err error) {
	for _, w := range bodies {
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
		b.set(key(keyRemoved, number(uint64(w.newest)), w.id[:]), number(uint64(w.arrived)))
		b.set(key(keyBody, w.id[:]), body{bytes: old.bytes, leaves: old.leaves}.encode())
	}
	return bytes, nil
}

// release decrements the message's count of bodies. If it was the last one, release removes the
// message and returns its size, and otherwise 0.
func (p *pruning) release(b *batch, leaf leaves.Leaf) (int64, error) {
	data, err := b.get(key(keyMessageID, leaf.ID[:]))
	if err != nil {
		return 0, err
	}
	at, bodies, err := decodePair(data, "message ID")
	if data == nil || errors.Is(err, store.ErrCorrupt) { // damaged; the others are removed
		return 0, nil
	}
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

// forgetIDs removes the message IDs of bodies whose messages were removed, if Retention.Forgets
// says so, and records how much was forgotten of own blocks.
func (p *pruning) forgetIDs(ctx context.Context) error {
	for more := true; more; {
		err := p.store.write(ctx, reserveToRemove, func(b *batch) error {
			more = false
			return view{p.store.db}.each([]byte{keyRemoved}, nil, func(rest, value []byte) (bool, error) {
				if err := checkLength(rest, 40, "removed body"); err != nil {
					return false, err
				}
				newest, arrived := int64(binary.BigEndian.Uint64(rest)), int64(0)
				if len(value) == 8 {
					arrived = int64(binary.BigEndian.Uint64(value))
				}
				switch {
				case newest >= p.retention.Messages:
					return false, nil
				case !p.retention.Forgets(newest, p.now-arrived):
					return true, nil
				}
				own, err := p.own(block.ID(rest[8:]))
				if own {
					b.forgotten = max(b.forgotten, newest)
				}
				b.remove(key(keyRemoved, rest))
				b.remove(key(keyBody, rest[8:]))
				more = len(b.order) >= pruneMessages
				return !more, err
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// own reports whether a block was created by the store's own key, as far as that is known.
func (p *pruning) own(id block.ID) (bool, error) {
	v := view{p.store.db}
	identity, err := v.identity()
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	h, err := v.held(id)
	return h.Header.Creator == identity.Key, err
}

// Forgotten returns how much Prune has forgotten; see store.Store.
func (s *Store) Forgotten(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.forgotten, nil
}
