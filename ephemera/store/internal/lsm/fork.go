package lsm

import (
	"context"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

type wireFork struct {
	_    struct{} `cbor:",toarray"`
	A, B certificate.Certificate
}

func (b *batch) fork(f store.Fork) error {
	slot := f.A.Slot
	at := key(keyFork, slot.Group[:], slot.Creator[:])
	if known, err := b.get(at); err != nil || known != nil {
		return err
	}
	b.set(at, canonical.Encode(wireFork{A: f.A, B: f.B}))
	return nil
}

// forks returns the stored forks whose keys begin with prefix, in the order of groups and creators.
func (v view) forks(prefix []byte) (all []store.Fork, err error) {
	err = v.each(prefix, nil, func(_, value []byte) (bool, error) {
		var w wireFork
		if err := canonical.DecodeStored(value, &w); err != nil {
			return false, store.Corruptf("decode stored fork: %w", err)
		}
		all = append(all, store.Fork{A: w.A, B: w.B})
		return true, nil
	})
	return all, err
}

// Forks returns the forks of all groups; see store.Store.
func (s *Store) Forks(ctx context.Context) (all []store.Fork, err error) {
	err = s.view(ctx, func(v view) error {
		if all, err = v.forks([]byte{keyFork}); err != nil {
			return err
		}
		return sortByGroup(v, all, func(f store.Fork) membership.ID { return f.A.Slot.Group })
	})
	if err != nil {
		return nil, fmt.Errorf("load forks: %w", err)
	}
	return all, nil
}
