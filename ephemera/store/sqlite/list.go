package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/leaves"
)

// List returns certified blocks in the order in which they were committed; see store.Store.
func (s *Store) List(ctx context.Context, after uint64, creator keys.Public, count, bytes int) ([]store.Entry, error) {
	if count <= 0 || after > math.MaxInt64 {
		return nil, nil
	}
	var found []store.Entry
	err := s.view(ctx, func(v view) error {
		sequences, err := v.sequences(int64(after), creator, count)
		if err != nil {
			return err
		}
		total := 0
		for _, sequence := range sequences {
			var row storedBlock
			if err := v.tx.GetContext(ctx, &row, certifiedRows+`WHERE t.sequence = ?`, sequence); err != nil {
				return err
			}
			if total += row.Bytes; len(found) > 0 && total > bytes {
				return nil
			}
			next, err := v.certified(row, block.Slot{})
			if len(found) > 0 && errors.Is(err, store.ErrCorrupt) {
				return nil // the next read begins with it and reports it
			}
			if err != nil {
				return err
			}
			found = append(found, store.Entry{Sequence: row.Sequence, Certified: next})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list blocks after sequence %d: %w", after, err)
	}
	return found, nil
}

// sequences returns the next count sequences. It queries each chain of a creator separately, so
// that SQLite reads at most count rows of each from the index.
func (v view) sequences(after int64, creator keys.Public, count int) (found []int64, err error) {
	if (creator == keys.Public{}) {
		err = v.tx.SelectContext(v.ctx, &found, `SELECT sequence FROM certificates WHERE sequence > ? ORDER BY sequence LIMIT ?`, after, count)
		return found, err
	}
	var chains []int64
	if err := v.tx.SelectContext(v.ctx, &chains, `SELECT chain FROM chains WHERE creator = ?`, creator[:]); err != nil {
		return nil, err
	}
	for _, chain := range chains {
		var some []int64
		err := v.tx.SelectContext(v.ctx, &some, `
			SELECT sequence FROM certificates WHERE chain = ? AND sequence > ? ORDER BY sequence LIMIT ?`, chain, after, count)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	slices.Sort(found)
	return found[:min(count, len(found))], nil
}

// Equivocations returns the evidence of all groups; see store.Store.
func (s *Store) Equivocations(ctx context.Context) ([]store.Evidence, error) {
	var rows []storedEvidence
	err := s.reader.SelectContext(ctx, &rows, `
		SELECT e.header_a, e.header_b FROM evidence e JOIN chains c USING (chain) LEFT JOIN groups g USING (group_id)
		ORDER BY g.number IS NULL, g.number, c.group_id, c.creator`)
	if err != nil {
		return nil, fmt.Errorf("load equivocations: %w", err)
	}
	return decodeEvidence(rows)
}

// Included returns the messages of certified blocks; see store.Store.
func (s *Store) Included(ctx context.Context, since int64) ([]store.Included, error) {
	rows, err := s.reader.QueryxContext(ctx, `
		SELECT c.creator = (SELECT key FROM identity) AS own, b.leaves
		FROM (SELECT body FROM bodies WHERE whole = 1 AND newest >= ?1 UNION ALL SELECT body FROM bodies WHERE whole = 0 AND newest >= ?1)
		JOIN bodies b USING (body) JOIN certificates t USING (block_id) JOIN chains c ON c.chain = b.chain`, since)
	if err != nil {
		return nil, fmt.Errorf("load message IDs: %w", err)
	}
	defer rows.Close()
	var all []store.Included
	for rows.Next() {
		var row struct {
			Own    *bool  `db:"own"`
			Leaves []byte `db:"leaves"`
		}
		if err := rows.StructScan(&row); err != nil {
			return nil, fmt.Errorf("load message IDs: %w", err)
		}
		some, err := leaves.Decode(row.Leaves)
		if errors.Is(err, store.ErrCorrupt) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("load message IDs: %w", err)
		}
		for _, l := range some {
			if l.Time >= since {
				all = append(all, store.Included{ID: l.ID, Sender: l.Sender, Time: l.Time, Own: row.Own != nil && *row.Own})
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("load message IDs: %w", err)
	}
	return store.MergeIncluded(all), nil
}
