package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// putReports stores the rows of the matrix of a rewarded epoch, with how far each is from the
// result. The history is that after the epoch.
func putReports(ctx context.Context, tx *sqlx.Tx, epoch int64, matrix metrics.Matrix, reporters []verify.Reporter, rewards []contract.Reward, history metrics.History) error {
	if err := putList(ctx, tx, epoch, matrix.Mixnodes); err != nil {
		return err
	}
	for i, reporter := range reporters {
		name := reporter.Key.PeerID()
		values, ok := matrix.Row(name)
		if !ok || len(values) != len(rewards) {
			return fmt.Errorf("the matrix has no row of %s with %d values", name, len(rewards))
		}
		d := distanceFrom(rewards, values)
		_, err := tx.ExecContext(ctx, `INSERT INTO report (id, shortfalls, present, compared, distance, squared, deviation) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			1000*epoch+int64(i)+1, shortfalls(values), d.present, d.compared, d.distance, d.squared, history[name])
		if err != nil {
			return err
		}
		if err := addToSum(ctx, tx, reporter.Key, len(values), d); err != nil {
			return err
		}
	}
	return nil
}

// addToSum adds a report to the sums of its reporter over all epochs.
func addToSum(ctx context.Context, tx *sqlx.Tx, key keys.Public, cells int, d distances) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO reporter_sum (key, epochs, cells, present, compared, distance, squared) VALUES (?, 1, ?, ?, ?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET epochs = epochs + 1, cells = cells + excluded.cells, present = present + excluded.present,
			compared = compared + excluded.compared, distance = distance + excluded.distance, squared = squared + excluded.squared`,
		hexKey(key), cells, d.present, d.compared, d.distance, d.squared)
	return err
}

// putList makes the newest list that of the epoch, or a new one if it holds other mixnodes.
func putList(ctx context.Context, tx *sqlx.Tx, epoch int64, mixnodes []metrics.MixID) error {
	var list int64
	if err := tx.GetContext(ctx, &list, `SELECT coalesce(max(list), 0) FROM listing`); err != nil {
		return err
	}
	var known []metrics.MixID
	if err := tx.SelectContext(ctx, &known, `SELECT mixnode FROM listing WHERE list = ? ORDER BY place`, list); err != nil {
		return err
	}
	if !slices.Equal(known, mixnodes) {
		list++
		for place, mixnode := range mixnodes {
			if _, err := tx.ExecContext(ctx, `INSERT INTO listing (list, mixnode, place) VALUES (?, ?, ?)`, list, string(mixnode), place); err != nil {
				return err
			}
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE winner SET list = ? WHERE epoch = ?`, list, epoch)
	return err
}

// shortfalls returns a JSON array of hundredths of a percent below 100, which is short because most
// values are near 100.
func shortfalls(values []metrics.Uptime) string {
	text := make([]byte, 1, 4*len(values)+2)
	text[0] = '['
	for i, v := range values {
		if i > 0 {
			text = append(text, ',')
		}
		if v == metrics.Missing {
			text = append(text, "null"...)
		} else {
			text = strconv.AppendInt(text, int64(metrics.Full-v), 10)
		}
	}
	return string(append(text, ']'))
}

// percentages is the reverse of shortfalls, in percent.
func percentages(shortfalls string) ([]*float64, error) {
	var below []metrics.Uptime
	if err := json.Unmarshal([]byte(shortfalls), &below); err != nil {
		return nil, err
	}
	percent := make([]*float64, len(below))
	for i, b := range below {
		if b != metrics.Missing {
			percent[i] = contract.Percent(metrics.Full - b)
		}
	}
	return percent, nil
}

// report is what a Nym-API signed about an epoch, as far as it counts.
type report struct {
	Name    string // empty if it is not a member
	Key     keys.Public
	Percent []*float64 // as many as the epoch has mixnodes, in their order; nil for no value
}

func (r report) name() string {
	if r.Name == "" {
		return r.Key.String()
	}
	return r.Name
}

// readReports returns the reports of a rewarded epoch in the order of its winner's block. There are
// no reports without Ephemera.
func readReports(ctx context.Context, tx *sqlx.Tx, epoch contract.Epoch) ([]report, error) {
	var rows []struct {
		Name       string `db:"name"`
		Key        string `db:"key"`
		Shortfalls string `db:"shortfalls"`
	}
	err := tx.SelectContext(ctx, &rows, `SELECT coalesce(m.name, '') AS name, p.key, r.shortfalls FROM reporter p
		JOIN report r ON r.id = 1000 * p.epoch + p.place LEFT JOIN member m ON m.key = p.key WHERE p.epoch = ? ORDER BY p.place`, int64(epoch))
	if err != nil {
		return nil, err
	}
	reports := make([]report, len(rows))
	for i, row := range rows {
		reports[i].Name = row.Name
		if reports[i].Key, err = parseKey(row.Key); err != nil {
			return nil, err
		}
		if reports[i].Percent, err = percentages(row.Shortfalls); err != nil {
			return nil, fmt.Errorf("report of %s: %w", row.Key, err)
		}
	}
	return reports, nil
}

// errNoReports reports a database of an earlier version, which did not keep reports for queries.
var errNoReports = errors.New("an earlier version made the database, without the reports: start this version's contract on it once, which adds them from the evidence")

// has reports whether the database has a table or view, which one of an earlier version may lack.
func has(ctx context.Context, db sqlx.QueryerContext, name string) (bool, error) {
	var count int
	err := sqlx.GetContext(ctx, db, &count, `SELECT count(*) FROM sqlite_schema WHERE name = ?`, name)
	return count > 0, err
}

// needReports returns errNoReports for a database that does not have all views about reports.
func needReports(ctx context.Context, db sqlx.QueryerContext) error {
	known, err := has(ctx, db, "spread") // the newest
	if err == nil && !known {
		err = errNoReports
	}
	return err
}

// ReporterTotals returns the totals of all reporters, in the order of their numbers.
func (r *Reader) ReporterTotals(ctx context.Context) ([]contract.ReporterTotal, error) {
	totals := []contract.ReporterTotal{}
	err := needReports(ctx, r.db)
	if err == nil {
		err = r.db.SelectContext(ctx, &totals, `SELECT * FROM reporter_totals`)
	}
	if err != nil {
		return nil, fmt.Errorf("read reporters: %w", err)
	}
	slices.SortFunc(totals, func(a, b contract.ReporterTotal) int { return contract.CompareNames(a.NymAPI, b.NymAPI) })
	return totals, nil
}

// CheckReports compares the reports that are kept for queries, and how far they are from what was
// paid, with the epoch's evidence. The error wraps verify.ErrMismatch.
func (r *Reader) CheckReports(ctx context.Context, epoch contract.Epoch, a verify.Audited) error {
	if err := needReports(ctx, r.db); err != nil {
		return err
	}
	var kept []struct {
		Shortfalls                           string
		Present, Compared, Distance, Squared int64
	}
	err := r.db.SelectContext(ctx, &kept, `SELECT coalesce(r.shortfalls, '') AS shortfalls, coalesce(r.present, -1) AS present,
		coalesce(r.compared, -1) AS compared, coalesce(r.distance, -1) AS distance, coalesce(r.squared, -1) AS squared
		FROM reporter p LEFT JOIN report r ON r.id = 1000 * p.epoch + p.place WHERE p.epoch = ? ORDER BY p.place`, int64(epoch))
	if err != nil {
		return fmt.Errorf("read reports of epoch %d: %w", epoch, err)
	}
	for i, reporter := range a.Reporters {
		signed, _ := a.Matrix.Row(reporter.Key.PeerID())
		if i >= len(kept) || kept[i].Shortfalls != shortfalls(signed) {
			return fmt.Errorf("%w: the report shown of %s is not the one that it signed", verify.ErrMismatch, reporter.Key)
		}
		if len(a.Rewards) != len(signed) {
			continue // as the check "payment" says
		}
		k := kept[i]
		if (distances{k.Present, k.Compared, k.Distance, k.Squared}) != distanceFrom(a.Rewards, signed) {
			return fmt.Errorf("%w: the distances shown of %s are not those of its report", verify.ErrMismatch, reporter.Key)
		}
	}
	return nil
}

// CheckTotals compares the sums over all epochs with the reports that are kept. The error wraps
// verify.ErrMismatch.
func (r *Reader) CheckTotals(ctx context.Context) error {
	if err := needReports(ctx, r.db); err != nil {
		return err
	}
	const kept = `SELECT key, epochs, cells, present, compared, distance, squared FROM reporter_sum`
	const summed = `SELECT p.key, count(*), sum(json_array_length(r.shortfalls)), sum(r.present), sum(r.compared), sum(r.distance), sum(r.squared)
		FROM reporter p JOIN report r ON r.id = 1000 * p.epoch + p.place GROUP BY p.key`
	var wrong []string
	err := r.db.SelectContext(ctx, &wrong, `SELECT key FROM (`+kept+` EXCEPT `+summed+`) UNION SELECT key FROM (`+summed+` EXCEPT `+kept+`)`)
	if err != nil {
		return fmt.Errorf("read totals of reporters: %w", err)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: the totals shown of %s are not the sums over its reports", verify.ErrMismatch, wrong[0])
	}
	return nil
}

type distances struct{ present, compared, distance, squared int64 }

// distanceFrom compares a report with the new uptimes among the rewards.
func distanceFrom(rewards []contract.Reward, values []metrics.Uptime) (d distances) {
	for i, v := range values {
		if v == metrics.Missing {
			continue
		}
		d.present++
		if rewards[i].Value == metrics.Missing || rewards[i].CarriedFrom != 0 {
			continue
		}
		apart := int64(max(v-rewards[i].Value, rewards[i].Value-v))
		d.compared, d.distance, d.squared = d.compared+1, d.distance+apart, d.squared+apart*apart
	}
	return d
}
