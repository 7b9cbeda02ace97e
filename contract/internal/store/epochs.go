package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

type winnerRow struct {
	Key      sql.NullString `db:"winner_key"`
	Name     sql.NullString `db:"winner_name"`
	Block    sql.NullString `db:"block"`
	Accepted sql.NullInt64  `db:"accepted_ms"`
}

// winner returns nil if the epoch has no winner.
func (w winnerRow) winner() (*contract.Winner, error) {
	if !w.Key.Valid {
		return nil, nil
	}
	key, err := parseKey(w.Key.String)
	if err != nil {
		return nil, err
	}
	id, err := parseBlock(w.Block.String)
	if err != nil {
		return nil, err
	}
	return &contract.Winner{Name: w.Name.String, Key: key, Block: id, AcceptedAt: contract.Millis(w.Accepted.Int64)}, nil
}

type summaryRow struct {
	entryRow
	winnerRow
	Status string `db:"status"`
	Reason string `db:"reason"`
}

func (s summaryRow) summary() (contract.EpochSummary, error) {
	winner, err := s.winner()
	if err != nil {
		return contract.EpochSummary{}, fmt.Errorf("read epoch %d: %w", s.ID, err)
	}
	return contract.EpochSummary{
		ID: contract.Epoch(s.ID), Start: contract.Millis(s.Start), End: contract.Millis(s.End), Status: contract.Status(s.Status), Winner: winner, Reason: s.Reason,
	}, nil
}

// winnerName is the name of the winner w, a member m or in mode performance-contract the contract.
const winnerName = `coalesce(m.name, CASE WHEN w.key = (SELECT key FROM contract) THEN '` + contract.SelfName + `' END)`

const selectSummary = `SELECT e.id, e.start_ms, e.end_ms, e.close_ms, e.status, e.reason,
	w.key AS winner_key, ` + winnerName + ` AS winner_name, w.block, w.accepted_ms
	FROM epoch e LEFT JOIN winner w ON w.epoch = e.id LEFT JOIN member m ON m.key = w.key `

// Epochs returns at most limit epochs with numbers up to from, newest first. A from of 0 means the
// newest epoch.
func (r *Reader) Epochs(ctx context.Context, from contract.Epoch, limit int) ([]contract.EpochSummary, error) {
	var rows []summaryRow
	err := r.db.SelectContext(ctx, &rows, selectSummary+`WHERE ?1 = 0 OR e.id <= ?1 ORDER BY e.id DESC LIMIT ?2`, int64(from), limit)
	if err != nil {
		return nil, fmt.Errorf("read epochs: %w", err)
	}
	epochs := make([]contract.EpochSummary, len(rows))
	for i, row := range rows {
		if epochs[i], err = row.summary(); err != nil {
			return nil, err
		}
		if epochs[i].Status == contract.StatusOpen {
			continue
		}
		if err := r.gate.wait(ctx, epochs[i].ID); err != nil {
			return nil, fmt.Errorf("read epochs: %w", err)
		}
	}
	return epochs, nil
}

// NewestRewarded returns the number of the newest rewarded epoch, or ErrNotFound.
func (r *Reader) NewestRewarded(ctx context.Context) (contract.Epoch, error) {
	epochs, err := r.numbers(ctx, `SELECT epoch FROM winner ORDER BY epoch DESC LIMIT 1`)
	if err != nil {
		return 0, err
	}
	if len(epochs) == 0 {
		return 0, fmt.Errorf("read the newest rewarded epoch: %w", ErrNotFound)
	}
	return epochs[0], nil
}

func (r *Reader) numbers(ctx context.Context, query string) ([]contract.Epoch, error) {
	var numbers []int64
	if err := r.db.SelectContext(ctx, &numbers, query); err != nil {
		return nil, fmt.Errorf("read epochs: %w", err)
	}
	epochs := make([]contract.Epoch, len(numbers))
	for i, n := range numbers {
		epochs[i] = contract.Epoch(n)
	}
	return epochs, nil
}

// Epoch returns the details of an epoch, or ErrNotFound.
func (r *Reader) Epoch(ctx context.Context, epoch contract.Epoch) (contract.EpochDetail, error) {
	var detail contract.EpochDetail
	err := r.snapshot(ctx, func(tx *sqlx.Tx) (err error) {
		detail, err = readDetail(ctx, tx, int64(epoch))
		return err
	})
	if err == nil && detail.Status != contract.StatusOpen {
		err = r.gate.wait(ctx, epoch)
	}
	if err != nil {
		return contract.EpochDetail{}, fmt.Errorf("read epoch %d: %w", epoch, orNotFound(err))
	}
	return detail, nil
}

// snapshot runs read in one transaction, so that all of its queries see the same state.
func (r *Reader) snapshot(ctx context.Context, read func(*sqlx.Tx) error) error {
	tx, err := r.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	return errors.Join(read(tx), tx.Rollback())
}

func readDetail(ctx context.Context, tx *sqlx.Tx, epoch int64) (d contract.EpochDetail, err error) {
	var row summaryRow
	if err := tx.GetContext(ctx, &row, selectSummary+`WHERE e.id = ?`, epoch); err != nil {
		return d, err
	}
	if d.EpochSummary, err = row.summary(); err != nil {
		return d, err
	}
	var fixed struct {
		Description []byte `db:"description"`
		Dropped     int    `db:"attempts_dropped"`
		Receipt     []byte `db:"receipt"`
	}
	err = tx.GetContext(ctx, &fixed, `SELECT e.description, e.attempts_dropped, w.receipt FROM epoch e LEFT JOIN winner w ON w.epoch = e.id WHERE e.id = ?`, epoch)
	if err != nil {
		return d, err
	}
	d.AttemptsDropped = fixed.Dropped
	if d.Batches, d.BatchBytes, err = readBatched(ctx, tx, epoch); err != nil {
		return d, err
	}
	if d.Description, err = contract.DecodeDescription(fixed.Description); err != nil {
		return d, err
	}
	if d.Caught, err = readCaught(ctx, tx, contract.Epoch(epoch)); err != nil {
		return d, err
	}
	if d.Attempts, err = readAttempts(ctx, tx, epoch); err != nil || fixed.Receipt == nil {
		return d, err
	}
	receipt, err := contract.DecodeReceipt(fixed.Receipt)
	if err != nil {
		return d, err
	}
	d.Receipt = &receipt
	if d.Result, err = readRewards(ctx, tx, epoch); err != nil {
		return d, err
	}
	if d.Reporters, err = readSignatories(ctx, tx, `reporter`, epoch); err != nil {
		return d, err
	}
	d.Signers, err = readSignatories(ctx, tx, `signer`, epoch)
	return d, err
}

func readRewards(ctx context.Context, tx *sqlx.Tx, epoch int64) ([]contract.Reward, error) {
	var rows []struct {
		Mixnode string        `db:"mixnode"`
		Value   sql.NullInt32 `db:"value"`
		Reports uint16        `db:"reports"`
		Carried sql.NullInt64 `db:"carried_from"`
	}
	if err := tx.SelectContext(ctx, &rows, `SELECT mixnode, value, reports, carried_from FROM reward WHERE epoch = ? ORDER BY mixnode`, epoch); err != nil {
		return nil, err
	}
	rewards := make([]contract.Reward, len(rows))
	for i, row := range rows {
		rewards[i] = contract.Reward{Mixnode: metrics.MixID(row.Mixnode), Value: metrics.Missing, Reports: row.Reports, CarriedFrom: contract.Epoch(row.Carried.Int64)}
		if row.Value.Valid {
			rewards[i].Value = metrics.Uptime(row.Value.Int32)
		}
	}
	return rewards, nil
}

// readSignatories reads the table "reporter" or "signer".
func readSignatories(ctx context.Context, tx *sqlx.Tx, table string, epoch int64) ([]contract.Signatory, error) {
	var rows []struct {
		Name string `db:"name"`
		Key  string `db:"key"`
	}
	err := tx.SelectContext(ctx, &rows, `SELECT coalesce(m.name, '') AS name, t.key FROM `+table+` t LEFT JOIN member m ON m.key = t.key
		WHERE t.epoch = ? ORDER BY t.place`, epoch)
	if err != nil {
		return nil, err
	}
	signatories := make([]contract.Signatory, len(rows))
	for i, row := range rows {
		key, err := parseKey(row.Key)
		if err != nil {
			return nil, err
		}
		signatories[i] = contract.Signatory{Name: row.Name, Key: key}
	}
	return signatories, nil
}

func readAttempts(ctx context.Context, tx *sqlx.Tx, epoch int64) ([]contract.Attempt, error) {
	var rows []struct {
		Name    string `db:"name"`
		Key     string `db:"key"`
		At      int64  `db:"at_ms"`
		Verdict string `db:"verdict"`
		Type    string `db:"type"`
		Reason  string `db:"reason"`
		Bytes   int    `db:"bytes"`
		Digest  string `db:"digest"`
	}
	err := tx.SelectContext(ctx, &rows, `SELECT coalesce(m.name, CASE WHEN a.key = (SELECT key FROM contract) THEN '`+contract.SelfName+`' ELSE '' END) AS name, a.key, a.at_ms, a.verdict, a.type, a.reason, a.bytes, a.digest
		FROM attempt a LEFT JOIN member m ON m.key = a.key WHERE a.epoch = ? ORDER BY a.id`, epoch)
	if err != nil {
		return nil, err
	}
	attempts := make([]contract.Attempt, len(rows))
	for i, row := range rows {
		key, err := parseKey(row.Key)
		if err != nil {
			return nil, err
		}
		attempts[i] = contract.Attempt{
			Name: row.Name, Submitter: key, At: contract.Millis(row.At), Verdict: contract.Verdict(row.Verdict), Type: row.Type, Reason: row.Reason, Bytes: row.Bytes,
		}
		if err := attempts[i].Digest.UnmarshalText([]byte(row.Digest)); err != nil {
			return nil, err
		}
	}
	return attempts, nil
}
