package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Matrix returns what was reported and paid in a rewarded epoch, or ErrNotFound.
func (r *Reader) Matrix(ctx context.Context, epoch contract.Epoch) (contract.EpochMatrix, error) {
	m := contract.EpochMatrix{Epoch: epoch, Rows: []contract.MatrixRow{}}
	err := r.snapshot(ctx, func(tx *sqlx.Tx) error {
		if err := needReports(ctx, tx); err != nil {
			return err
		}
		err := tx.QueryRowxContext(ctx, `SELECT submissions, submitted_spread FROM spread WHERE epoch = ?`, int64(epoch)).Scan(&m.Submissions, &m.SubmittedSpread)
		if err != nil {
			return err
		}
		paid, err := readRewards(ctx, tx, int64(epoch))
		if err != nil {
			return err
		}
		pay(&m, paid)
		reports, err := readReports(ctx, tx, epoch)
		if err != nil {
			return err
		}
		for _, report := range reports {
			if len(report.Percent) != len(paid) {
				return fmt.Errorf("the report of %s has %d values, expected %d: contract audit says what does not fit", report.name(), len(report.Percent), len(paid))
			}
			m.Rows = append(m.Rows, contract.MatrixRow{NymAPI: report.name(), Key: report.Key, Percent: report.Percent})
		}
		return nil
	})
	if err == nil {
		err = r.gate.wait(ctx, epoch)
	}
	if err != nil {
		return contract.EpochMatrix{}, fmt.Errorf("read the matrix of epoch %d: %w", epoch, orNotFound(err))
	}
	slices.SortFunc(m.Rows, func(a, b contract.MatrixRow) int { return contract.CompareNames(a.NymAPI, b.NymAPI) })
	return m, nil
}

// pay fills in what was paid.
func pay(m *contract.EpochMatrix, paid []contract.Reward) {
	m.Coverage.Cells = len(paid)
	for _, reward := range paid {
		m.Mixnodes = append(m.Mixnodes, reward.Mixnode)
		m.Percent, m.CarriedFrom = append(m.Percent, contract.Percent(reward.Value)), append(m.CarriedFrom, reward.CarriedFrom)
		switch {
		case reward.CarriedFrom != 0:
			m.Coverage.Carried++
		case reward.Value != metrics.Missing:
			m.Coverage.Fresh++
		default:
			m.Coverage.Unpaid++
		}
	}
}

// Mixnode returns what was reported about a mixnode in at most limit rewarded epochs with numbers
// up to from, newest first. A from of 0 means the newest epoch. Epochs without the mixnode are left
// out. The error is ErrNotFound if there are only such epochs.
func (r *Reader) Mixnode(ctx context.Context, mixnode metrics.MixID, from contract.Epoch, limit int) (contract.MixnodeReports, error) {
	found := contract.MixnodeReports{Mixnode: mixnode, Epochs: []contract.MixnodeEpoch{}}
	err := r.snapshot(ctx, func(tx *sqlx.Tx) error {
		if err := needReports(ctx, tx); err != nil {
			return err
		}
		var paid []paidRow
		// CROSS JOIN keeps this order, in which only the epochs of the page are read: the index
		// epoch_by_status has their numbers, and nearly all have the mixnode.
		err := tx.SelectContext(ctx, &paid, `SELECT e.id AS epoch, w.mixnode, w.value, w.carried_from, l.place, e.description
			FROM epoch e CROSS JOIN reward w ON w.epoch = e.id AND w.mixnode = ?1
			CROSS JOIN winner n ON n.epoch = e.id LEFT JOIN listing l ON l.list = n.list AND l.mixnode = ?1
			WHERE e.status = 'rewarded' AND e.id <= ?2 ORDER BY e.id DESC LIMIT ?3`, string(mixnode), last(from), limit+1)
		if err != nil {
			return err
		}
		if len(paid) > limit {
			found.Next, paid = contract.Epoch(paid[limit].Epoch), paid[:limit]
		}
		for _, row := range paid {
			one, err := row.read(ctx, tx)
			if err != nil {
				return fmt.Errorf("epoch %d: %w", row.Epoch, err)
			}
			found.Epochs = append(found.Epochs, one)
		}
		return nil
	})
	for i := 0; err == nil && i < len(found.Epochs); i++ {
		err = r.gate.wait(ctx, found.Epochs[i].Epoch)
	}
	if err == nil && len(found.Epochs) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return contract.MixnodeReports{}, fmt.Errorf("read reports about %s: %w", mixnode, err)
	}
	return found, nil
}

// last returns the greatest number of an epoch that is not behind from, of which 0 is the newest.
func last(from contract.Epoch) int64 {
	if from == 0 {
		return math.MaxInt64
	}
	return int64(from)
}

// paidRow is what a mixnode was paid in an epoch.
type paidRow struct {
	Epoch       int64         `db:"epoch"`
	Mixnode     string        `db:"mixnode"`
	Value       sql.NullInt32 `db:"value"`
	Carried     sql.NullInt64 `db:"carried_from"`
	Place       sql.NullInt64 `db:"place"` // in the reports, null without Ephemera
	Description []byte        `db:"description"`
}

// read returns the row with the reports about the mixnode, and what estimators make of them.
func (p paidRow) read(ctx context.Context, tx *sqlx.Tx) (contract.MixnodeEpoch, error) {
	one := contract.MixnodeEpoch{
		Epoch: contract.Epoch(p.Epoch), CarriedFrom: contract.Epoch(p.Carried.Int64), Reports: []contract.Reported{}, Estimates: []contract.Estimate{},
	}
	if p.Value.Valid {
		one.Percent = contract.Percent(metrics.Uptime(p.Value.Int32))
	}
	if !p.Place.Valid {
		return one, nil
	}
	var reports []struct {
		Name      string        `db:"name"`
		Key       string        `db:"key"`
		Shortfall sql.NullInt32 `db:"shortfall"`
	}
	err := tx.SelectContext(ctx, &reports, `SELECT coalesce(m.name, p.key) AS name, p.key, json_extract(r.shortfalls, '$[' || ?2 || ']') AS shortfall
		FROM reporter p JOIN report r ON r.id = 1000 * p.epoch + p.place LEFT JOIN member m ON m.key = p.key WHERE p.epoch = ?1`, p.Epoch, p.Place.Int64)
	if err != nil {
		return one, err
	}
	rows := make([]metrics.Row, len(reports))
	for i, report := range reports {
		key, err := parseKey(report.Key)
		if err != nil {
			return one, err
		}
		value, reported := metrics.Missing, contract.Reported{NymAPI: report.Name}
		if report.Shortfall.Valid {
			value = metrics.Full - metrics.Uptime(report.Shortfall.Int32)
			reported.Percent = contract.Percent(value)
		}
		rows[i] = metrics.Row{Reporter: key.PeerID(), Values: []metrics.Uptime{value}}
		one.Reports = append(one.Reports, reported)
	}
	slices.SortFunc(one.Reports, func(a, b contract.Reported) int { return contract.CompareNames(a.NymAPI, b.NymAPI) })
	d, err := contract.DecodeDescription(p.Description)
	if err != nil {
		return one, err
	}
	column, err := metrics.NewMatrix([]metrics.MixID{metrics.MixID(p.Mixnode)}, rows)
	if err != nil {
		return one, err
	}
	one.Estimates, err = verify.Estimates(column, d)
	return one, err
}
