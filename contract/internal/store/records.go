package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
)

// putSettled signs the record of a settlement, which names the newest record, and stores it with
// the history after the epoch, and the reports. The settlement is empty if the epoch was missed.
func (s *Store) putSettled(ctx context.Context, tx *sqlx.Tx, r contract.Record, d contract.Description, won Settlement) error {
	last, err := newestRecord(ctx, tx)
	if err != nil {
		return err
	}
	if err := follows(last, r.Epoch-1); err != nil {
		return err
	}
	if last.Epoch != 0 {
		r.Previous = last.Hash()
	}
	r.Network = s.owner.Network
	r = r.Sign(s.owner.Key)
	if err := r.Validate(); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO record (epoch, hash, encoded) VALUES (?, ?, ?)`, int64(r.Epoch), r.Hash().String(), r.Encode()); err != nil {
		return err
	}
	if len(won.Matrix.Rows) == 0 {
		return nil
	}
	history, err := readHistory(ctx, tx)
	if err != nil {
		return err
	}
	after := contract.State{History: history}.After(r, d, won.Matrix)
	for _, deviation := range after.History {
		_, err := tx.ExecContext(ctx, `INSERT INTO history (reporter, squared) VALUES (?1, ?2) ON CONFLICT (reporter) DO UPDATE SET squared = ?2`,
			hexKey(deviation.Reporter), deviation.Squared)
		if err != nil {
			return err
		}
	}
	return putReports(ctx, tx, int64(r.Epoch), won.Matrix, won.Reporters, won.Rewards, after.Metrics())
}

func readHistory(ctx context.Context, tx *sqlx.Tx) (history []contract.Deviation, err error) {
	var rows []struct {
		Reporter string `db:"reporter"`
		Squared  int64  `db:"squared"`
	}
	if err := tx.SelectContext(ctx, &rows, `SELECT reporter, squared FROM history ORDER BY reporter`); err != nil {
		return nil, err
	}
	for _, row := range rows {
		reporter, err := parseKey(row.Reporter)
		if err != nil {
			return nil, err
		}
		history = append(history, contract.Deviation{Reporter: reporter, Squared: row.Squared})
	}
	return history, nil
}

// State returns what the next description takes from the settled epochs.
func (r *Reader) State(ctx context.Context) (state contract.State, err error) {
	err = r.snapshot(ctx, func(tx *sqlx.Tx) error {
		newest, err := newestRecord(ctx, tx)
		if err != nil || newest.Epoch == 0 {
			return err
		}
		state.Settled, state.Record = newest.Epoch, newest.Hash()
		state.History, err = readHistory(ctx, tx)
		return err
	})
	if err != nil {
		return contract.State{}, fmt.Errorf("read state: %w", err)
	}
	return state, nil
}

// follows returns an error unless the newest record is that of the newest settled epoch.
func follows(newest contract.Record, settled contract.Epoch) error {
	if newest.Epoch == settled {
		return nil
	}
	return fmt.Errorf("the newest record is of epoch %d, and epoch %d is settled: the database was changed by another program (contract audit says what does not fit; put a copy back that fits)",
		newest.Epoch, settled)
}

// cut shortens text to at most size bytes.
func cut(text string, size int) string {
	if len(text) <= size {
		return text
	}
	return strings.ToValidUTF8(text[:size], "")
}

// newestRecord returns the zero record if no epoch is settled.
func newestRecord(ctx context.Context, db sqlx.QueryerContext) (contract.Record, error) {
	var encoded []byte
	err := sqlx.GetContext(ctx, db, &encoded, `SELECT encoded FROM record ORDER BY epoch DESC LIMIT 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return contract.Record{}, nil
	}
	if err != nil {
		return contract.Record{}, err
	}
	return contract.DecodeRecord(encoded)
}

// migrateRecords signs the records of epochs that an earlier version settled, which had none. A
// database that has records but lacks the newest ones was changed, and is refused.
func (s *Store) migrateRecords(ctx context.Context) error {
	return s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		newest, err := newestRecord(ctx, tx)
		if err != nil {
			return err
		}
		settled, err := newestSettled(ctx, tx)
		if err != nil {
			return err
		}
		if newest.Epoch != 0 {
			return follows(newest, settled)
		}
		var rows []settledRow
		if err := tx.SelectContext(ctx, &rows, selectSettled+` ORDER BY e.id`); err != nil {
			return err
		}
		for _, row := range rows {
			if err := s.migrate(ctx, tx, row); err != nil {
				return fmt.Errorf("make the record of epoch %d: %w", row.ID, err)
			}
		}
		return nil
	})
}

func (s *Store) migrate(ctx context.Context, tx *sqlx.Tx, row settledRow) error {
	r, err := row.record()
	if err != nil {
		return err
	}
	r.Origin = contract.OriginMigration
	if r.Reason != row.Reason { // an earlier version stored reasons of any length
		if _, err := tx.ExecContext(ctx, `UPDATE epoch SET reason = ? WHERE id = ?`, r.Reason, row.ID); err != nil {
			return err
		}
	}
	d, err := contract.DecodeDescription(row.Encoded)
	if err != nil {
		return err
	}
	var won Settlement
	if row.Submission != nil && d.Rules.Mode == contract.ModeFull {
		submission, err := contract.DecodeSubmission(row.Submission, len(row.Submission))
		if err != nil {
			return err
		}
		verified, err := verify.Certified(d, submission)
		if err != nil {
			return err
		}
		won.Matrix, won.Reporters = verified.Matrix, verified.Reporters
		if won.Rewards, err = readRewards(ctx, tx, row.ID); err != nil {
			return err
		}
	}
	return s.putSettled(ctx, tx, r, d, won)
}

const selectSettled = `SELECT e.id, e.description_hash, e.description, e.status, e.reason, e.settled_ms, coalesce(w.rewards, '') AS rewards, w.submission
	FROM epoch e LEFT JOIN winner w ON w.epoch = e.id WHERE e.status <> 'open'`

type settledRow struct {
	ID          int64  `db:"id"`
	Description string `db:"description_hash"`
	Encoded     []byte `db:"description"`
	Status      string `db:"status"`
	Reason      string `db:"reason"`
	Settled     int64  `db:"settled_ms"`
	Rewards     string `db:"rewards"`
	Submission  []byte `db:"submission"`
}

// record returns what the row says, without network, previous record and signature.
func (s settledRow) record() (contract.Record, error) {
	r := contract.Record{Epoch: contract.Epoch(s.ID), Status: contract.Status(s.Status), Reason: cut(s.Reason, contract.MaxReasonBytes), SettledAt: contract.Millis(s.Settled), Origin: contract.OriginSettlement}
	if err := r.Description.UnmarshalText([]byte(s.Description)); err != nil {
		return r, err
	}
	if s.Submission == nil {
		return r, nil
	}
	r.Submission = contract.Digest(s.Submission)
	return r, r.Rewards.UnmarshalText([]byte(s.Rewards))
}

// ErrNoRecords reports a database of an earlier version, which kept no records.
var ErrNoRecords = errors.New("the database has no records of how its epochs were settled: an earlier version made it; start this version's contract on it once, which signs them")

// Settled returns the numbers of all epochs that are settled, or have a record, a winner, reporters
// or an annex, as those have that were removed from another table, in ascending order.
// The error is ErrNoRecords for a database that an earlier version made.
func (r *Reader) Settled(ctx context.Context) ([]contract.Epoch, error) {
	switch known, err := has(ctx, r.db, "record"); {
	case err != nil:
		return nil, fmt.Errorf("read epochs: %w", err)
	case !known:
		return nil, ErrNoRecords
	}
	query := `SELECT id FROM epoch WHERE status <> 'open' UNION SELECT epoch FROM record UNION SELECT epoch FROM winner UNION SELECT epoch FROM reporter`
	annexes, err := has(ctx, r.db, "annex") // a later version added it
	if err != nil {
		return nil, fmt.Errorf("read epochs: %w", err)
	}
	if annexes {
		query += ` UNION SELECT epoch FROM annex`
	}
	return r.numbers(ctx, query+` ORDER BY 1`)
}

// Record returns the record of a settled epoch, or ErrNotFound.
func (r *Reader) Record(ctx context.Context, epoch contract.Epoch) (contract.Record, error) {
	var encoded []byte
	err := r.db.GetContext(ctx, &encoded, `SELECT encoded FROM record WHERE epoch = ?`, int64(epoch))
	if err == nil {
		err = r.gate.wait(ctx, epoch)
	}
	if err != nil {
		return contract.Record{}, fmt.Errorf("read record of epoch %d: %w", epoch, orNotFound(err))
	}
	record, err := contract.DecodeRecord(encoded)
	if err != nil {
		return contract.Record{}, fmt.Errorf("read record of epoch %d: %w", epoch, err)
	}
	return record, nil
}
