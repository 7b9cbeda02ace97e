package rewards

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
)

// maxProofs bounds the epochs of which two receipts are kept forever. One of them convicts the
// contract.
const maxProofs = 64

// KeepReceipt stores a receipt that the contract signed, unless one is stored for its epoch. If the
// stored one contradicts it, and is the first that does, KeepReceipt stores both and returns them.
// Otherwise it returns nil.
func (s *Store) KeepReceipt(ctx context.Context, r contract.Receipt) (*contract.Equivocation, error) {
	var proof *contract.Equivocation
	err := s.db.Write(ctx, func(tx *sqlx.Tx) error {
		var row receiptRow
		err := tx.GetContext(ctx, &row, `SELECT first, second FROM receipts WHERE epoch = ?`, r.Epoch)
		if errors.Is(err, sql.ErrNoRows) {
			_, err = tx.ExecContext(ctx, `INSERT INTO receipts (epoch, first) VALUES (?, ?)`, r.Epoch, r.Encode())
			return err
		}
		if err != nil || row.Second != nil {
			return err
		}
		first, err := contract.DecodeReceipt(row.First)
		if err != nil || verify.Equivocation(r.Contract, first, r) != nil {
			return err
		}
		proof = &contract.Equivocation{First: first, Second: r}
		_, err = tx.ExecContext(ctx, `UPDATE receipts SET second = ? WHERE epoch = ?`, r.Encode(), r.Epoch)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("store receipt of epoch %d: %w", r.Epoch, err)
	}
	return proof, nil
}

type receiptRow struct {
	First  []byte `db:"first"`
	Second []byte `db:"second"`
}

// WithdrawReceipt records that the contract no longer has a receipt for an epoch. It reports
// whether that is new, and a receipt of the epoch is stored.
func (s *Store) WithdrawReceipt(ctx context.Context, epoch contract.Epoch) (bool, error) {
	result, err := s.db.ExecContext(ctx, `UPDATE receipts SET withdrawn = 1 WHERE epoch = ? AND withdrawn = 0`, epoch)
	if err != nil {
		return false, fmt.Errorf("store withdrawal of the receipt of epoch %d: %w", epoch, err)
	}
	changed, err := result.RowsAffected()
	return changed > 0, err
}

// Equivocations returns the stored proofs that the contract signed two receipts, the oldest
// maxProofs, in ascending order of their epochs.
func (s *Store) Equivocations(ctx context.Context) ([]contract.Equivocation, error) {
	var rows []receiptRow
	err := s.db.SelectContext(ctx, &rows, `SELECT first, second FROM receipts WHERE second IS NOT NULL ORDER BY epoch LIMIT ?`, maxProofs)
	if err != nil {
		return nil, fmt.Errorf("load receipts: %w", err)
	}
	proofs := make([]contract.Equivocation, len(rows))
	for i, row := range rows {
		first, firstErr := contract.DecodeReceipt(row.First)
		second, secondErr := contract.DecodeReceipt(row.Second)
		if err := errors.Join(firstErr, secondErr); err != nil {
			return nil, fmt.Errorf("load receipts: %w", err)
		}
		proofs[i] = contract.Equivocation{First: first, Second: second}
	}
	return proofs, nil
}

// ReceiptCounts count epochs in the database of a Nym-API.
type ReceiptCounts struct {
	Kept          int `db:"kept"`          // with a receipt
	Equivocations int `db:"equivocations"` // with two receipts that contradict each other
	Withdrawn     int `db:"withdrawn"`     // with a receipt that the contract did not have later
}

// ReceiptCounts returns the counts of stored receipts.
func (s *Store) ReceiptCounts(ctx context.Context) (ReceiptCounts, error) {
	var counts ReceiptCounts
	err := s.db.GetContext(ctx, &counts, `SELECT count(*) AS kept, count(second) AS equivocations, coalesce(sum(withdrawn), 0) AS withdrawn FROM receipts`)
	if err != nil {
		return counts, fmt.Errorf("count receipts: %w", err)
	}
	return counts, nil
}

// pruneReceipts drops the receipts of epochs before that one, but not the oldest proofs.
func pruneReceipts(ctx context.Context, tx *sqlx.Tx, before contract.Epoch) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM receipts WHERE epoch < ? AND epoch NOT IN
		(SELECT epoch FROM receipts WHERE second IS NOT NULL ORDER BY epoch LIMIT ?)`, before, maxProofs)
	return err
}
