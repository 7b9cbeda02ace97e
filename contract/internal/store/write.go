package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/ledger"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Member is an enrolled Nym-API, with the counter of its newest enrolment.
type Member struct {
	membership.Peer
	Counter uint64
}

// PutMember stores a new member, or the new addresses and counter of a known key.
func (s *Store) PutMember(ctx context.Context, m Member, now contract.Millis) error {
	addresses, err := json.Marshal(append([]string{}, m.Addresses...))
	if err != nil {
		return fmt.Errorf("store member %s: %w", m.Name, err)
	}
	_, err = s.writer.ExecContext(ctx, `INSERT INTO member (key, name, peer_id, addresses, counter, enrolled_ms, updated_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET addresses = excluded.addresses, counter = excluded.counter, updated_ms = excluded.updated_ms`,
		hexKey(m.Key), m.Name, m.Key.PeerID(), string(addresses), int64(m.Counter), int64(now), int64(now))
	if err != nil {
		return fmt.Errorf("store member %s: %w", m.Name, err)
	}
	return nil
}

// PutGroup stores the group of the members.
func (s *Store) PutGroup(ctx context.Context, g *membership.Group, now contract.Millis) error {
	_, err := s.writer.ExecContext(ctx, `INSERT INTO member_group (number, id, n, f, q, encoded, closed_ms) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		int64(g.Number()), g.ID().String(), g.N(), g.F(), g.Q(), g.Encode(), int64(now))
	if err != nil {
		return fmt.Errorf("store group %d: %w", g.Number(), err)
	}
	return nil
}

// BeginEpoch stores a new epoch with its description.
func (s *Store) BeginEpoch(ctx context.Context, e ledger.Entry, d contract.Description) error {
	_, err := s.writer.ExecContext(ctx, `INSERT INTO epoch (id, start_ms, end_ms, close_ms, description_hash, description) VALUES (?, ?, ?, ?, ?, ?)`,
		int64(e.ID), int64(e.Start), int64(e.End), int64(e.Close), d.Hash().String(), d.Encode())
	if err != nil {
		return fmt.Errorf("store epoch %d: %w", e.ID, err)
	}
	return nil
}

// MissEpoch settles an open epoch as missed. It derives the reason from the stored attempts.
func (s *Store) MissEpoch(ctx context.Context, epoch contract.Epoch, now contract.Millis) (reason string, err error) {
	err = s.remember(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if reason, err = missReason(ctx, tx, epoch); err != nil {
			return err
		}
		reason = cut(reason, contract.MaxReasonBytes)
		if err := settle(ctx, tx, epoch, contract.StatusMissed, reason, now); err != nil {
			return err
		}
		var row settledRow
		if err := tx.GetContext(ctx, &row, selectSettled+` AND e.id = ?`, int64(epoch)); err != nil {
			return err
		}
		r, err := row.record()
		if err != nil {
			return err
		}
		return s.putSettled(ctx, tx, r, contract.Description{}, Settlement{})
	})
	if err != nil {
		return "", fmt.Errorf("store missed epoch %d: %w", epoch, err)
	}
	return reason, nil
}

func missReason(ctx context.Context, tx *sqlx.Tx, epoch contract.Epoch) (string, error) {
	var last struct {
		Count  int           `db:"attempts"`
		ID     sql.NullInt64 `db:"newest"`
		Name   string        `db:"name"`
		Reason string        `db:"reason"`
	}
	// SQLite takes the other columns from the row with the greatest id.
	err := tx.GetContext(ctx, &last, `SELECT count(*) AS attempts, max(a.id) AS newest, coalesce(m.name, a.key, '') AS name, coalesce(a.reason, '') AS reason
		FROM attempt a LEFT JOIN member m ON m.key = a.key WHERE a.epoch = ?`, int64(epoch))
	switch {
	case err != nil:
		return "", err
	case last.Count == 0:
		return "nobody submitted a result in time", nil
	default:
		return fmt.Sprintf("no valid result in time, %d refused; the last one, of %s: %s", last.Count, last.Name, last.Reason), nil
	}
}

func settle(ctx context.Context, tx *sqlx.Tx, epoch contract.Epoch, status contract.Status, reason string, now contract.Millis) error {
	done, err := tx.ExecContext(ctx, `UPDATE epoch SET status = ?, reason = ?, settled_ms = ?
		WHERE id = ? AND status = 'open' AND NOT EXISTS (SELECT 1 FROM epoch e WHERE e.status = 'open' AND e.id < epoch.id)`,
		string(status), reason, int64(now), int64(epoch))
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("%w: epoch %d", ErrNotOpen, epoch)
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM batch WHERE epoch = ?`, int64(epoch))
	return err
}

// Settlement is what is stored about the winner of an epoch.
type Settlement struct {
	Block      block.ID       // zero without Ephemera
	Matrix     metrics.Matrix // of the reports, empty without Ephemera
	Reporters  []verify.Reporter
	Signers    []keys.Public
	Rewards    []contract.Reward
	Receipt    contract.Receipt
	Submission []byte // as it was received
}

// Settle rewards an open epoch in one transaction: it calls decide with the newest measured uptimes
// before the epoch, at most CarryLimit epochs old, and stores what decide returns. When it returns
// nil, the marker is durable too, and the receipt may be sent. If the epoch cannot be settled,
// decide is not called and the error wraps ErrNotOpen. See also Stopped.
func (s *Store) Settle(ctx context.Context, d contract.Description, now contract.Millis, decide func(verify.Values) Settlement) error {
	err := s.remember(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := settle(ctx, tx, d.Epoch, contract.StatusRewarded, "", now); err != nil {
			return err
		}
		values, err := newestValues(ctx, tx, d.Epoch, contract.Epoch(d.Rules.CarryLimit))
		if err != nil {
			return err
		}
		won := decide(values)
		if err := putWinner(ctx, tx, d.Epoch, won); err != nil {
			return err
		}
		r := contract.Record{
			Epoch: d.Epoch, Description: d.Hash(), Status: contract.StatusRewarded,
			Rewards: won.Receipt.Rewards, Submission: contract.Digest(won.Submission), SettledAt: now, Origin: contract.OriginSettlement,
		}
		return s.putSettled(ctx, tx, r, d, won)
	})
	if err != nil {
		return fmt.Errorf("store winner of epoch %d: %w", d.Epoch, err)
	}
	return nil
}

func newestValues(ctx context.Context, tx *sqlx.Tx, epoch, limit contract.Epoch) (verify.Values, error) {
	var rows []struct {
		Mixnode string `db:"mixnode"`
		Value   int32  `db:"value"`
		Epoch   int64  `db:"epoch"`
	}
	// SQLite takes value from the row with the greatest epoch.
	err := tx.SelectContext(ctx, &rows, `SELECT mixnode, value, max(epoch) AS epoch FROM reward
		WHERE epoch < ? AND epoch >= ? AND value IS NOT NULL AND carried_from IS NULL GROUP BY mixnode`,
		int64(epoch), int64(epoch)-int64(limit))
	if err != nil {
		return nil, err
	}
	values := make(verify.Values, len(rows))
	for _, r := range rows {
		values[metrics.MixID(r.Mixnode)] = verify.Measured{Value: metrics.Uptime(r.Value), Epoch: contract.Epoch(r.Epoch)}
	}
	return values, nil
}

func putWinner(ctx context.Context, tx *sqlx.Tx, epoch contract.Epoch, w Settlement) error {
	id, receipt := int64(epoch), w.Receipt
	_, err := tx.ExecContext(ctx, `INSERT INTO winner (epoch, key, block, rewards, accepted_ms, submission, receipt) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		id, hexKey(receipt.Submitter), hexBlock(w.Block), receipt.Rewards.String(), int64(receipt.AcceptedAt), w.Submission, receipt.Encode())
	if err != nil {
		return err
	}
	for i, r := range w.Reporters {
		if _, err := tx.ExecContext(ctx, `INSERT INTO reporter (epoch, place, key, message) VALUES (?, ?, ?, ?)`, id, i+1, hexKey(r.Key), r.Message.String()); err != nil {
			return err
		}
	}
	for i, key := range w.Signers {
		if _, err := tx.ExecContext(ctx, `INSERT INTO signer (epoch, place, key) VALUES (?, ?, ?)`, id, i+1, hexKey(key)); err != nil {
			return err
		}
	}
	if err := putRewards(ctx, tx, id, w.Rewards); err != nil {
		return err
	}
	return insertAttempt(ctx, tx, Attempt{
		Epoch: epoch, Submitter: receipt.Submitter, At: receipt.AcceptedAt, Verdict: contract.VerdictAccepted, Submission: w.Submission,
	})
}

func putRewards(ctx context.Context, tx *sqlx.Tx, epoch int64, rewards []contract.Reward) error {
	statement, err := tx.PreparexContext(ctx, `INSERT INTO reward (epoch, mixnode, value, reports, carried_from) VALUES (?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer statement.Close()
	for _, r := range rewards {
		if _, err := statement.ExecContext(ctx, epoch, string(r.Mixnode), nullUptime(r.Value), r.Reports, nullEpoch(r.CarriedFrom)); err != nil {
			return err
		}
	}
	return nil
}

// AttemptsPerMember is the number of refused attempts of one submitter that are stored per epoch.
// All submitters that are not members count as one.
const AttemptsPerMember = 8

// Attempt is a submission with its verdict.
type Attempt struct {
	Epoch      contract.Epoch
	Submitter  keys.Public
	At         contract.Millis
	Verdict    contract.Verdict
	Type       string
	Reason     string
	Submission []byte // as it was received; stored only if it is invalid
}

// PutAttempt stores a refused attempt, or only counts it if AttemptsPerMember of its submitter are
// stored already.
func (s *Store) PutAttempt(ctx context.Context, a Attempt) error {
	err := s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error { return putAttempt(ctx, tx, a) })
	if err != nil {
		return fmt.Errorf("store attempt for epoch %d: %w", a.Epoch, err)
	}
	return nil
}

func putAttempt(ctx context.Context, tx *sqlx.Tx, a Attempt) error {
	var stored int
	err := tx.GetContext(ctx, &stored, `SELECT count(*) FROM attempt a WHERE a.epoch = ?1 AND a.verdict <> 'accepted' AND CASE
		WHEN EXISTS (SELECT 1 FROM member WHERE key = ?2) THEN a.key = ?2
		ELSE NOT EXISTS (SELECT 1 FROM member m WHERE m.key = a.key) END`, int64(a.Epoch), hexKey(a.Submitter))
	if err != nil {
		return err
	}
	if stored >= AttemptsPerMember {
		_, err := tx.ExecContext(ctx, `UPDATE epoch SET attempts_dropped = attempts_dropped + 1 WHERE id = ?`, int64(a.Epoch))
		return err
	}
	return insertAttempt(ctx, tx, a)
}

func insertAttempt(ctx context.Context, tx *sqlx.Tx, a Attempt) error {
	var kept []byte
	if a.Verdict == contract.VerdictInvalid {
		kept = a.Submission
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO attempt (epoch, key, at_ms, verdict, type, reason, bytes, digest, submission) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		int64(a.Epoch), hexKey(a.Submitter), int64(a.At), string(a.Verdict), a.Type, a.Reason, len(a.Submission), contract.Digest(a.Submission).String(), kept)
	return err
}
