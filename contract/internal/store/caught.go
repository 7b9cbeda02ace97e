package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// PutOffence records that a member signed two reports for an epoch, or two blocks at a height of
// its chain, which is 0 for reports. Recording it again changes nothing.
func (s *Store) PutOffence(ctx context.Context, epoch contract.Epoch, key keys.Public, offence contract.Offence, height uint64) error {
	err := s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error { return putOffence(ctx, tx, epoch, key, offence, height) })
	if err != nil {
		return fmt.Errorf("store who was caught in epoch %d: %w", epoch, err)
	}
	return nil
}

// putOffence is PutOffence in a transaction.
func putOffence(ctx context.Context, tx *sqlx.Tx, epoch contract.Epoch, key keys.Public, offence contract.Offence, height uint64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO offence (key, epoch, offence, height) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		hexKey(key), int64(epoch), string(offence), int64(height))
	return err
}

// Caught returns the members that were caught in an epoch, or in all epochs if it is 0, by name and
// offence. Of each it lists the newest epochs only: see contract.MaxCaughtEpochs.
func (r *Reader) Caught(ctx context.Context, epoch contract.Epoch) ([]contract.Caught, error) {
	caught, err := readCaught(ctx, r.db, epoch)
	if err != nil {
		return nil, fmt.Errorf("read who was caught: %w", err)
	}
	return caught, nil
}

func readCaught(ctx context.Context, db sqlx.QueryerContext, epoch contract.Epoch) ([]contract.Caught, error) {
	var rows []struct {
		Name    string `db:"nymapi"`
		Offence string `db:"offence"`
		Number  int64  `db:"number"`
		Times   int    `db:"times"`
	}
	// An earlier version may have made the database.
	if known, err := has(ctx, db, "caught"); err != nil || !known {
		return []contract.Caught{}, err
	}
	where := ``
	if epoch != 0 {
		where = `WHERE epoch = ?1`
	}
	err := sqlx.SelectContext(ctx, db, &rows, `SELECT nymapi, offence, coalesce(height, epoch) AS number, sum(times) AS times FROM caught `+
		where+` GROUP BY nymapi, offence, number ORDER BY length(nymapi), nymapi, offence, number`, args(epoch)...)
	if err != nil {
		return nil, err
	}
	caught := []contract.Caught{}
	for _, row := range rows {
		if last := len(caught) - 1; last < 0 || caught[last].Name != row.Name || caught[last].Offence != contract.Offence(row.Offence) {
			caught = append(caught, contract.Caught{Name: row.Name, Offence: contract.Offence(row.Offence)})
		}
		c := &caught[len(caught)-1]
		c.Epochs, c.Count = append(c.Epochs, row.Number), c.Count+row.Times
	}
	for i := range caught {
		caught[i] = caught[i].Told()
	}
	return caught, nil
}

// CheckCaught compares who is shown as having signed two reports or two blocks with the annex of
// the epoch, which proves it. The error wraps verify.ErrMismatch.
func (r *Reader) CheckCaught(ctx context.Context, annex contract.Annex) error {
	// An earlier version may have made the database.
	if known, err := has(ctx, r.db, "offence"); err != nil || !known {
		return err
	}
	var shown, proven []string
	err := r.db.SelectContext(ctx, &shown, `SELECT format('%s %s %d', key, offence, height) FROM offence WHERE epoch = ?`, int64(annex.Epoch))
	if err != nil {
		return fmt.Errorf("read who was caught in epoch %d: %w", annex.Epoch, err)
	}
	for _, double := range annex.DoubleReports {
		proven = append(proven, fmt.Sprintf("%s %s 0", hexKey(double.Reporter), contract.TwoReports))
	}
	for _, double := range annex.DoubleBlocks {
		header := double.First.Header
		proven = append(proven, fmt.Sprintf("%s %s %d", hexKey(header.Creator), contract.TwoBlocks, header.Height))
	}
	for _, offence := range shown {
		if !slices.Contains(proven, offence) {
			return fmt.Errorf("%w: shown as caught, without a proof: %s", verify.ErrMismatch, offence)
		}
	}
	for _, offence := range proven {
		if !slices.Contains(shown, offence) {
			return fmt.Errorf("%w: not shown as caught: %s", verify.ErrMismatch, offence)
		}
	}
	return nil
}

func args(epoch contract.Epoch) []any {
	if epoch == 0 {
		return nil
	}
	return []any{int64(epoch)}
}
