package sqlite

import (
	"context"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

func (c *commit) fork(f store.Fork) error {
	chain, _, err := c.chainOf(f.A.Slot)
	if err != nil {
		return err
	}
	return c.exec(c.statements.fork, chain.Chain, f.A.Encode(), f.B.Encode())
}

func (v view) forksOf(group membership.ID) ([]store.Fork, error) {
	var rows []storedFork
	err := v.tx.SelectContext(v.ctx, &rows, `
		SELECT f.certificate_a, f.certificate_b FROM forks f JOIN chains c USING (chain) WHERE c.group_id = ? ORDER BY c.creator`, group[:])
	if err != nil {
		return nil, err
	}
	return decodeForks(rows)
}

// Forks returns the forks of all groups; see store.Store.
func (s *Store) Forks(ctx context.Context) ([]store.Fork, error) {
	var rows []storedFork
	err := s.reader.SelectContext(ctx, &rows, `
		SELECT f.certificate_a, f.certificate_b FROM forks f JOIN chains c USING (chain) LEFT JOIN groups g USING (group_id)
		ORDER BY g.number IS NULL, g.number, c.group_id, c.creator`)
	if err != nil {
		return nil, fmt.Errorf("load forks: %w", err)
	}
	return decodeForks(rows)
}

// storedFork is a row of forks.
type storedFork struct {
	A []byte `db:"certificate_a"`
	B []byte `db:"certificate_b"`
}

func decodeForks(rows []storedFork) ([]store.Fork, error) {
	var all []store.Fork
	for _, row := range rows {
		var f store.Fork
		if err := canonical.DecodeStored(row.A, &f.A); err != nil {
			return nil, store.Corruptf("decode stored fork: %w", err)
		}
		if err := canonical.DecodeStored(row.B, &f.B); err != nil {
			return nil, store.Corruptf("decode stored fork: %w", err)
		}
		all = append(all, f)
	}
	return all, nil
}
