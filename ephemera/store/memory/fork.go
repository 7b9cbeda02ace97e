package memory

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

func (d *data) fork(f store.Fork, u *undo) {
	key := keyOf(f.A.Slot)
	if _, ok := d.forks[key]; !ok {
		put(u, d.forks, key, store.Fork{A: cloned(f.A), B: cloned(f.B)})
	}
}

func cloned(c certificate.Certificate) certificate.Certificate {
	c.Signers, c.Signatures = bytes.Clone(c.Signers), slices.Clone(c.Signatures)
	return c
}

// Forks returns the forks of all groups; see store.Store.
func (s *Store) Forks(ctx context.Context) (found []store.Fork, err error) {
	err = s.read(ctx, func(d *data) error {
		for _, key := range inOrder(d, d.forks) {
			found = append(found, d.forks[key])
		}
		return nil
	})
	return found, err
}

// inOrder returns the keys of chains, ascending by the group's number, then by creator. Groups that
// were not recorded come last, by ID.
func inOrder[V any](d *data, chains map[chainKey]V) []chainKey {
	number := func(id membership.ID) uint64 {
		for n, g := range d.groups {
			if g.Group.ID() == id {
				return n
			}
		}
		return math.MaxUint64
	}
	return slices.SortedFunc(maps.Keys(chains), func(a, b chainKey) int {
		return cmp.Or(cmp.Compare(number(a.group), number(b.group)), slices.Compare(a.group[:], b.group[:]), a.creator.Compare(b.creator))
	})
}
