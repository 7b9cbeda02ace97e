package rewards

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// Outcome is the outcome of a submission.
type Outcome string

// The outcomes. All but Pending are final.
const (
	Pending  Outcome = "pending"
	Accepted Outcome = "accepted" // it won; there is a receipt
	Late     Outcome = "late"     // another submission won
	Refused  Outcome = "refused"  // the contract rejected it
	Closed   Outcome = "closed"   // the epoch was missed
)

// Submission is this Nym-API's submission for an epoch.
type Submission struct {
	Epoch   contract.Epoch
	Body    []byte          // contract.Submission.Encode
	Made    contract.Millis // contract time
	Outcome Outcome
	Reason  string
	Receipt []byte // contract.Receipt.Encode, if it was accepted
}

// AddSubmission stores the submission for an epoch unless there is one, and reports whether it
// stored it. Own is this member's block that it follows from, nil without Ephemera. The slot of the
// block is recorded in the same transaction, so a block that is delivered again after a crash is
// skipped.
func (s *Store) AddSubmission(ctx context.Context, add Submission, own *block.Block) (added bool, err error) {
	err = s.db.Write(ctx, func(tx *sqlx.Tx) error {
		var id []byte
		if own != nil {
			fresh, err := recordOwn(ctx, tx, *own, add.Epoch)
			if err != nil || !fresh {
				return err
			}
			blockID := own.ID()
			id = blockID[:]
		}
		result, err := tx.ExecContext(ctx, `INSERT INTO submissions (epoch, body, block_id, made_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			add.Epoch, add.Body, id, add.Made)
		if err != nil {
			return err
		}
		changed, err := result.RowsAffected()
		added = changed > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("store submission for epoch %d: %w", add.Epoch, err)
	}
	return added, nil
}

// RecordOwn records a block of this member from which nothing is submitted.
func (s *Store) RecordOwn(ctx context.Context, own block.Block, epoch contract.Epoch) error {
	err := s.db.Write(ctx, func(tx *sqlx.Tx) error {
		_, err := recordOwn(ctx, tx, own, epoch)
		return err
	})
	if err != nil {
		return fmt.Errorf("record own block for epoch %d: %w", epoch, err)
	}
	return nil
}

// recordOwn records the slot of a block and reports whether it is new.
func recordOwn(ctx context.Context, tx *sqlx.Tx, own block.Block, epoch contract.Epoch) (bool, error) {
	slot, id := own.Header.Slot(), own.ID()
	result, err := tx.ExecContext(ctx, `INSERT INTO own_blocks (group_id, height, block_id, epoch) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		slot.Group[:], slot.Height, id[:], epoch)
	if err != nil {
		return false, err
	}
	changed, err := result.RowsAffected()
	return changed > 0, err
}

// OwnBlocks returns the epochs, starting with from, for which a block of this member was delivered.
func (s *Store) OwnBlocks(ctx context.Context, from contract.Epoch) (map[contract.Epoch]bool, error) {
	var epochs []contract.Epoch
	if err := s.db.SelectContext(ctx, &epochs, `SELECT DISTINCT epoch FROM own_blocks WHERE epoch >= ?`, from); err != nil {
		return nil, fmt.Errorf("load own blocks: %w", err)
	}
	own := make(map[contract.Epoch]bool, len(epochs))
	for _, epoch := range epochs {
		own[epoch] = true
	}
	return own, nil
}

// Pending returns the pending submissions in ascending order of their epochs.
func (s *Store) Pending(ctx context.Context) ([]Submission, error) {
	var rows []submissionRow
	if err := s.db.SelectContext(ctx, &rows, selectSubmission+`WHERE outcome = 'pending' ORDER BY epoch`); err != nil {
		return nil, fmt.Errorf("load submissions: %w", err)
	}
	list := make([]Submission, len(rows))
	for i, row := range rows {
		list[i] = row.submission()
	}
	return list, nil
}

// Submission returns the submission for an epoch, or ErrNotFound.
func (s *Store) Submission(ctx context.Context, epoch contract.Epoch) (Submission, error) {
	var row submissionRow
	if err := s.db.GetContext(ctx, &row, selectSubmission+`WHERE epoch = ?`, epoch); err != nil {
		return Submission{}, fmt.Errorf("load submission for epoch %d: %w", epoch, found(err))
	}
	return row.submission(), nil
}

const selectSubmission = `SELECT epoch, body, made_ms, outcome, reason, receipt FROM submissions `

type submissionRow struct {
	Epoch   contract.Epoch  `db:"epoch"`
	Body    []byte          `db:"body"`
	Made    contract.Millis `db:"made_ms"`
	Outcome Outcome         `db:"outcome"`
	Reason  sql.NullString  `db:"reason"`
	Receipt []byte          `db:"receipt"`
}

func (r submissionRow) submission() Submission {
	return Submission{Epoch: r.Epoch, Body: r.Body, Made: r.Made, Outcome: r.Outcome, Reason: r.Reason.String, Receipt: r.Receipt}
}

// Settle stores the outcome of a pending submission.
func (s *Store) Settle(ctx context.Context, epoch contract.Epoch, outcome Outcome, reason string, receipt []byte, at contract.Millis) error {
	_, err := s.db.ExecContext(ctx, `UPDATE submissions SET outcome = ?, reason = ?, receipt = ?, settled_ms = ? WHERE epoch = ? AND outcome = 'pending'`,
		outcome, reason, receipt, at, epoch)
	if err != nil {
		return fmt.Errorf("store outcome of epoch %d: %w", epoch, err)
	}
	return nil
}

// Prune drops everything about epochs before that one except their descriptions and the oldest
// proofs against the contract. The caller keeps epochs that may be open.
func (s *Store) Prune(ctx context.Context, before contract.Epoch) error {
	err := s.db.Write(ctx, func(tx *sqlx.Tx) error {
		for _, table := range []string{"reports", "own_blocks", "submissions", "winners", "double_reports"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE epoch < ?", before); err != nil {
				return err
			}
		}
		return pruneReceipts(ctx, tx, before)
	})
	if err != nil {
		return fmt.Errorf("prune epochs before %d: %w", before, err)
	}
	return nil
}
