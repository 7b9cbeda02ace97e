package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// Core returns the evidence of a settled epoch, byte for byte as it was received and signed, or
// ErrNotFound. Of a database that another program changed, it returns what is there: see
// contract.Core.Validate.
func (r *Reader) Core(ctx context.Context, epoch contract.Epoch) (contract.Core, error) {
	var core contract.Core
	err := r.snapshot(ctx, func(tx *sqlx.Tx) (err error) {
		core, err = readCore(ctx, tx, int64(epoch))
		return err
	})
	if err == nil {
		err = r.gate.wait(ctx, epoch)
	}
	if err != nil {
		return contract.Core{}, fmt.Errorf("read evidence of epoch %d: %w", epoch, orNotFound(err))
	}
	return core, nil
}

func readCore(ctx context.Context, tx *sqlx.Tx, epoch int64) (contract.Core, error) {
	var row struct {
		Record      []byte `db:"record"`
		Description []byte `db:"description"`
		Submission  []byte `db:"submission"`
		Receipt     []byte `db:"receipt"`
	}
	err := tx.GetContext(ctx, &row, `SELECT r.encoded AS record, e.description, w.submission, w.receipt
		FROM record r LEFT JOIN epoch e ON e.id = r.epoch LEFT JOIN winner w ON w.epoch = r.epoch WHERE r.epoch = ?`, epoch)
	if err != nil {
		return contract.Core{}, err
	}
	core := contract.Core{
		Version: contract.CoreVersion, Description: row.Description, Submission: row.Submission, Record: row.Record, Receipt: row.Receipt,
	}
	if row.Submission != nil {
		core.Rewards, err = readRewards(ctx, tx, epoch)
	}
	return core, err
}
