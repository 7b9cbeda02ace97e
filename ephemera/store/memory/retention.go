package memory

import (
	"context"
	"maps"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/leaves"
)

// List returns certified blocks in the order in which they were committed; see store.Store.
func (s *Store) List(ctx context.Context, after uint64, creator keys.Public, count, limit int) ([]store.Entry, error) {
	var found []store.Entry
	err := s.read(ctx, func(d *data) error {
		total := 0
		for place := after; place < uint64(len(d.order)) && len(found) < count; place++ {
			id := d.order[place]
			if (creator != keys.Public{} && creator != d.certificates[id].Slot.Creator) {
				continue
			}
			next, err := d.certified(id, d.certificates[id].Slot, place+1)
			if err != nil {
				return firstOnly(err, len(found))
			}
			if total += next.Bytes(); len(found) > 0 && total > limit {
				break
			}
			found = append(found, store.Entry{Sequence: place + 1, Certified: next})
		}
		return nil
	})
	return found, err
}

// Equivocations returns the evidence of all groups; see store.Store.
func (s *Store) Equivocations(ctx context.Context) (found []store.Evidence, err error) {
	err = s.read(ctx, func(d *data) error {
		for _, key := range inOrder(d, d.evidence) {
			found = append(found, d.evidence[key])
		}
		return nil
	})
	return found, err
}

// Included returns the messages of certified blocks; see store.Store.
func (s *Store) Included(ctx context.Context, since int64) ([]store.Included, error) {
	var all []store.Included
	err := s.read(ctx, func(d *data) error {
		for _, id := range d.order {
			b := d.blocks[id]
			held := d.removed[id].leaves
			if !b.Pruned() {
				held = leaves.Of(b)
			}
			own := d.identity != nil && d.identity.Key == b.Header.Creator
			for _, l := range held {
				if l.Time >= since {
					all = append(all, store.Included{ID: l.ID, Sender: l.Sender, Time: l.Time, Own: own})
				}
			}
		}
		return nil
	})
	return store.MergeIncluded(all), err
}

// Forgotten returns how much Prune has forgotten; see store.Store.
func (s *Store) Forgotten(ctx context.Context) (at int64, err error) {
	err = s.read(ctx, func(d *data) error {
		at = d.forgotten
		return nil
	})
	return at, err
}

// Prune removes messages; see store.Store. It holds the lock throughout: there is no disk to wait
// for.
func (s *Store) Prune(ctx context.Context, retention store.Retention) (store.Pruned, error) {
	var pruned store.Pruned
	err := s.locked(ctx, func(d *data) error {
		now := s.clock.Now()
		sizes := map[block.MessageID]int{} // encoded, of what is removed
		for _, id := range d.order {
			b := d.blocks[id]
			c := d.chains[keyOf(b.Header.Slot())]
			height := b.Header.Height
			if len(b.Messages) == 0 || height > min(c.certified, c.delivered) || !retention.Removes(height, now-d.arrived[id], c.certified) {
				continue
			}
			for _, m := range b.Messages {
				sizes[m.ID()] = m.Size()
			}
			d.removed[id] = removed{leaves.Of(b), d.arrived[id]}
			delete(d.arrived, id)
			b.Messages = nil
			d.blocks[id] = b
			pruned.Blocks++
		}
		for _, b := range d.blocks {
			for _, m := range b.Messages {
				delete(sizes, m.ID())
			}
		}
		for _, size := range sizes {
			pruned.Bytes += int64(size)
		}
		maps.DeleteFunc(d.removed, func(id block.ID, old removed) bool {
			newest := leaves.Newest(old.leaves)
			forget := retention.Forgets(newest, now-old.arrived)
			if forget && (d.identity == nil || d.identity.Key == d.blocks[id].Header.Creator) {
				d.forgotten = max(d.forgotten, newest)
			}
			return forget
		})
		s.saveRunning(d)
		return nil
	})
	return pruned, err
}
