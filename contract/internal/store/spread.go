package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// The submitted spread of an epoch is the largest difference between what two submissions, the
// winner's or late ones that verify, would have paid a mixnode. Blocks that nobody submitted are
// not in it, so it is at most the spread of all certified blocks.

// payments are the smallest and the largest payment of mixnodes, by their place in the result.
// Places at which all submissions pay the same are left out.
type payments map[int][2]metrics.Uptime

// widenSpread adds the result of a late submission that verifies to the spread of its epoch, which
// must be rewarded. It also drops what is only needed while submissions may come, of epochs that
// have closed. If that was dropped for this epoch, it changes nothing.
func widenSpread(ctx context.Context, tx *sqlx.Tx, d contract.Description, result metrics.Result, now contract.Millis) error {
	paid, err := readRewards(ctx, tx, int64(d.Epoch))
	if err != nil {
		return err
	}
	values, err := newestValues(ctx, tx, d.Epoch, contract.Epoch(d.Rules.CarryLimit))
	if err != nil {
		return err
	}
	other := values.Fill(d, result)
	if len(paid) != len(other) {
		return fmt.Errorf("a result of %d mixnodes, expected those of the %d rewards of the winner", len(other), len(paid))
	}
	known, err := readPayments(ctx, tx, d.Epoch)
	if err != nil || known == nil {
		return err
	}
	spread := known.widen(paid, other)
	ranges, err := json.Marshal(known)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO submitted (epoch, late, spread, ranges) VALUES (?1, 1, ?2, ?3)
		ON CONFLICT (epoch) DO UPDATE SET late = late + 1, spread = ?2, ranges = ?3`, int64(d.Epoch), int64(spread), string(ranges))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE submitted SET ranges = '' WHERE ranges <> '' AND epoch IN (SELECT id FROM epoch WHERE close_ms <= ?)`, int64(now))
	return err
}

// readPayments returns nil if the epoch has closed.
func readPayments(ctx context.Context, tx *sqlx.Tx, epoch contract.Epoch) (payments, error) {
	known := payments{}
	var ranges string
	err := tx.GetContext(ctx, &ranges, `SELECT ranges FROM submitted WHERE epoch = ?`, int64(epoch))
	if errors.Is(err, sql.ErrNoRows) {
		return known, nil
	}
	if err != nil {
		return nil, err
	}
	if ranges == "" {
		return nil, nil
	}
	return known, json.Unmarshal([]byte(ranges), &known)
}

// widen adds what another submission would have paid, and returns the largest difference. A mixnode
// without a value is paid nothing.
func (p payments) widen(winner, other []contract.Reward) (spread metrics.Uptime) {
	for i := range winner {
		first, second := max(winner[i].Value, 0), max(other[i].Value, 0)
		low, high := min(first, second), max(first, second)
		if before, known := p[i]; known {
			low, high = min(low, before[0]), max(high, before[1])
		}
		if low == high {
			continue
		}
		p[i] = [2]metrics.Uptime{low, high}
		spread = max(spread, high-low)
	}
	return spread
}

// Spread is how far apart the submissions for an epoch would pay.
type Spread struct {
	Epoch       contract.Epoch `db:"epoch"`
	Submissions int            `db:"submissions"`      // that verified, the winner's included
	Points      float64        `db:"submitted_spread"` // of 100
}

// NewestSpread returns the spread of the newest rewarded epoch, or ErrNotFound.
func (r *Reader) NewestSpread(ctx context.Context) (s Spread, err error) {
	err = r.db.GetContext(ctx, &s, `SELECT epoch, submissions, submitted_spread FROM spread ORDER BY epoch DESC LIMIT 1`)
	if err != nil {
		return Spread{}, fmt.Errorf("read the newest spread: %w", orNotFound(err))
	}
	return s, nil
}
