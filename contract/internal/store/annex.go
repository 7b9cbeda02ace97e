package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// HasLate reports whether a late submission of a submitter is kept for the epoch's annex.
func (r *Reader) HasLate(ctx context.Context, epoch contract.Epoch, submitter keys.Public) (bool, error) {
	var kept int
	err := r.db.GetContext(ctx, &kept, `SELECT count(*) FROM late WHERE epoch = ? AND key = ?`, int64(epoch), hexKey(submitter))
	if err != nil {
		return false, fmt.Errorf("read late submissions for epoch %d: %w", epoch, err)
	}
	return kept > 0, nil
}

// PutLate stores a late attempt like PutAttempt. If no other submission of the submitter is kept,
// it keeps this one for the epoch's annex, and adds its result to the submitted spread.
func (s *Store) PutLate(ctx context.Context, d contract.Description, result metrics.Result, a Attempt) error {
	err := s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := putAttempt(ctx, tx, a); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `INSERT INTO late (epoch, key, received_ms, submission) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			int64(a.Epoch), hexKey(a.Submitter), int64(a.At), a.Submission)
		if err != nil {
			return err
		}
		if kept, err := done.RowsAffected(); err != nil || kept == 0 {
			return err
		}
		return widenSpread(ctx, tx, d, result, a.At)
	})
	if err != nil {
		return fmt.Errorf("store late submission for epoch %d: %w", a.Epoch, err)
	}
	return nil
}

// Closing returns when no more submissions for an epoch matter, or ErrNotFound.
func (r *Reader) Closing(ctx context.Context, epoch contract.Epoch) (contract.Millis, error) {
	var at int64
	if err := r.db.GetContext(ctx, &at, `SELECT close_ms FROM epoch WHERE id = ?`, int64(epoch)); err != nil {
		return 0, fmt.Errorf("read when epoch %d closes: %w", epoch, orNotFound(err))
	}
	return contract.Millis(at), nil
}

// Unsealed returns the number of the first epoch from one on that is settled and closed, but has no
// annex, or ErrNotFound.
func (r *Reader) Unsealed(ctx context.Context, from contract.Epoch, now contract.Millis) (contract.Epoch, error) {
	var epoch int64
	err := r.db.GetContext(ctx, &epoch, `SELECT e.id FROM epoch e LEFT JOIN annex a ON a.epoch = e.id
		WHERE e.id >= ? AND e.status <> 'open' AND e.close_ms <= ? AND a.epoch IS NULL ORDER BY e.id LIMIT 1`, int64(from), int64(now))
	if err != nil {
		return 0, fmt.Errorf("read epochs without an annex: %w", orNotFound(err))
	}
	return contract.Epoch(epoch), nil
}

// Collected is what the annex of a settled epoch is made of.
type Collected struct {
	Core contract.Core
	contract.Collected
	// Invalid are the submissions that did not verify, as far as they are kept.
	Invalid [][]byte
}

// Collect returns what was received about a settled epoch, or ErrNotFound. It leaves DoubleReports
// and DoubleBlocks empty.
func (r *Reader) Collect(ctx context.Context, epoch contract.Epoch) (Collected, error) {
	var all Collected
	err := r.snapshot(ctx, func(tx *sqlx.Tx) (err error) {
		if all.Core, err = readCore(ctx, tx, int64(epoch)); err != nil {
			return err
		}
		if err := tx.GetContext(ctx, &all.Dropped, `SELECT attempts_dropped FROM epoch WHERE id = ?`, int64(epoch)); err != nil {
			return err
		}
		kept, err := all.readLate(ctx, tx, int64(epoch))
		if err != nil {
			return err
		}
		return all.readRefused(ctx, tx, int64(epoch), kept)
	})
	if err == nil {
		err = r.gate.wait(ctx, epoch)
	}
	if err != nil {
		return Collected{}, fmt.Errorf("read submissions for epoch %d: %w", epoch, orNotFound(err))
	}
	return all, nil
}

// readLate returns the digests of the late submissions.
func (all *Collected) readLate(ctx context.Context, tx *sqlx.Tx, epoch int64) (map[contract.Hash]bool, error) {
	var rows []struct {
		Received   int64  `db:"received_ms"`
		Submission []byte `db:"submission"`
	}
	if err := tx.SelectContext(ctx, &rows, `SELECT received_ms, submission FROM late WHERE epoch = ? ORDER BY key`, epoch); err != nil {
		return nil, err
	}
	digests := make(map[contract.Hash]bool, len(rows))
	for _, row := range rows {
		all.Late = append(all.Late, contract.Received{Submission: row.Submission, At: contract.Millis(row.Received)})
		digests[contract.Digest(row.Submission)] = true
	}
	return digests, nil
}

// readRefused reads the refused attempts but those with the digests of late submissions.
func (all *Collected) readRefused(ctx context.Context, tx *sqlx.Tx, epoch int64, late map[contract.Hash]bool) error {
	attempts, err := readAttempts(ctx, tx, epoch)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		if a.Verdict == contract.VerdictAccepted || late[a.Digest] {
			continue
		}
		all.Refused = append(all.Refused, contract.Refused{
			Submitter: a.Submitter, ReceivedAt: a.At, Digest: a.Digest, Bytes: uint32(a.Bytes), Verdict: a.Verdict, Type: a.Type, Reason: cut(a.Reason, contract.MaxReasonBytes),
		})
	}
	return tx.SelectContext(ctx, &all.Invalid, `SELECT submission FROM attempt WHERE epoch = ? AND verdict = 'invalid' AND submission IS NOT NULL ORDER BY id`, epoch)
}

// PutAnnex stores the annex of an epoch unless there is one, and removes the late submissions that
// were kept for it.
func (s *Store) PutAnnex(ctx context.Context, a contract.Annex) error {
	err := s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO annex (epoch, sealed_ms, encoded) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			int64(a.Epoch), int64(a.SealedAt), a.Encode())
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM late WHERE epoch = ?`, int64(a.Epoch))
		return err
	})
	if err != nil {
		return fmt.Errorf("store annex of epoch %d: %w", a.Epoch, err)
	}
	return nil
}

// Annex returns the encoded annex of an epoch, or ErrNotFound, also in a database of an earlier
// version, which has none.
func (r *Reader) Annex(ctx context.Context, epoch contract.Epoch) ([]byte, error) {
	var tables int
	err := r.db.GetContext(ctx, &tables, `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'annex'`)
	if err == nil && tables == 0 {
		err = ErrNotFound
	}
	var encoded []byte
	if err == nil {
		err = r.db.GetContext(ctx, &encoded, `SELECT encoded FROM annex WHERE epoch = ?`, int64(epoch))
	}
	if err != nil {
		return nil, fmt.Errorf("read annex of epoch %d: %w", epoch, orNotFound(err))
	}
	return encoded, nil
}

// WithoutAnnex returns the settled epochs that have no annex although a later one has, which closed
// after them: a contract seals annexes in the order of epochs. An epoch that could not be sealed,
// because it was damaged, is among them.
func (r *Reader) WithoutAnnex(ctx context.Context) (map[contract.Epoch]bool, error) {
	if known, err := has(ctx, r.db, "annex"); err != nil || !known {
		return nil, err
	}
	lacking, err := r.numbers(ctx, `SELECT e.id FROM epoch e LEFT JOIN annex a ON a.epoch = e.id
		WHERE e.status <> 'open' AND a.epoch IS NULL AND e.id < (SELECT max(epoch) FROM annex) ORDER BY e.id`)
	if err != nil {
		return nil, err
	}
	set := make(map[contract.Epoch]bool, len(lacking))
	for _, epoch := range lacking {
		set[epoch] = true
	}
	return set, nil
}
