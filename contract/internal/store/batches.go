package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// PutBatch stores a batch of the epoch in progress, as it was received.
func (s *Store) PutBatch(ctx context.Context, epoch contract.Epoch, body []byte) error {
	err := s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO batch (epoch, body) VALUES (?, ?)`, int64(epoch), body)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO batched (epoch, batches, bytes) VALUES (?, 1, ?)
			ON CONFLICT (epoch) DO UPDATE SET batches = batches + 1, bytes = bytes + excluded.bytes`, int64(epoch), len(body))
		return err
	})
	if err != nil {
		return fmt.Errorf("store batch for epoch %d: %w", epoch, err)
	}
	return nil
}

// Batches returns the batches of an epoch that is not settled, in the order in which they were
// stored.
func (s *Store) Batches(ctx context.Context, epoch contract.Epoch) ([][]byte, error) {
	var bodies [][]byte
	if err := s.db.SelectContext(ctx, &bodies, `SELECT body FROM batch WHERE epoch = ? ORDER BY id`, int64(epoch)); err != nil {
		return nil, fmt.Errorf("read batches of epoch %d: %w", epoch, err)
	}
	return bodies, nil
}

// readBatched returns how many batches were accepted for an epoch, and their size.
func readBatched(ctx context.Context, tx *sqlx.Tx, epoch int64) (batches int, bytes int64, err error) {
	// An earlier version may have made the database.
	if known, err := has(ctx, tx, "batched"); err != nil || !known {
		return 0, 0, err
	}
	var row struct {
		Batches int   `db:"batches"`
		Bytes   int64 `db:"bytes"`
	}
	err = tx.GetContext(ctx, &row, `SELECT coalesce(sum(batches), 0) AS batches, coalesce(sum(bytes), 0) AS bytes FROM batched WHERE epoch = ?`, epoch)
	return row.Batches, row.Bytes, err
}
