// Package samples keeps the samples of one Nym-API in SQLite until their epochs are reported: one
// table, keyed by mixnode and time in milliseconds, in which a measurement that failed is no row at
// all.
//
// It has no clock and starts nothing: the caller says which window to average and what has expired.
// One file belongs to one [Store] of one process. What Record has accepted survives a crash and a
// power cut.
//
// Read next: migrations/ for the schema, package metrics for what is made of the averages.
package samples

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

var (
	// ErrSample marks a sample that cannot be one: a bad mixnode name, or a value above 100.
	ErrSample = errors.New("bad sample")
	// ErrWindow marks a window that ends before it starts.
	ErrWindow = errors.New("bad window")
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is an open sample file. Its methods may be called concurrently; they share one connection
// and wait for each other.
type Store struct{ db *sqlx.DB }

// Open opens the store at path, in a folder that exists, makes it if there is none and brings its
// schema up to date.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := database.Open(ctx, path, migrations)
	if err != nil {
		return nil, fmt.Errorf("open samples %s: %w", path, err)
	}
	return &Store{db: db}, nil
}

// Close closes the file. Nothing may be called after it.
func (s *Store) Close() error { return s.db.Close() }

// Record stores all of the samples or, if one of them is bad (an error that wraps [ErrSample]) or
// storing fails, none. Times are cut to milliseconds. The first value for a mixnode and a time
// stays: recording the same again changes nothing, so a caller that does not know whether it
// succeeded may repeat it.
func (s *Store) Record(ctx context.Context, samples []metrics.Sample) error {
	for _, sample := range samples {
		if _, err := metrics.ParseMixID(string(sample.Mixnode)); err != nil {
			return fmt.Errorf("%w: %w", ErrSample, err)
		}
		if sample.Value > metrics.MaxValue {
			return fmt.Errorf("%w: value %d of mixnode %q, expected 0 to %d", ErrSample, sample.Value, sample.Mixnode, metrics.MaxValue)
		}
	}
	if len(samples) == 0 {
		return nil
	}
	if err := s.insert(ctx, samples); err != nil {
		return fmt.Errorf("record %d samples: %w", len(samples), err)
	}
	return nil
}

func (s *Store) insert(ctx context.Context, samples []metrics.Sample) (err error) {
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback() // err already says why
		}
	}()
	statement, err := tx.PreparexContext(ctx,
		`INSERT INTO sample (time_ms, mixnode, value) VALUES (?, ?, ?) ON CONFLICT (time_ms, mixnode) DO NOTHING`)
	if err != nil {
		return err
	}
	defer statement.Close()
	for _, sample := range samples {
		if _, err := statement.ExecContext(ctx, sample.Time.UnixMilli(), string(sample.Mixnode), sample.Value); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Averages returns the average uptime of each of the mixnodes over the half-open window [start,
// end), in their order: value i belongs to mixnode i and is [metrics.Missing] when there is no
// sample of it. The bounds are cut to milliseconds like the samples, so windows that meet share no
// sample and lose none. Other mixnodes are ignored. An end before start is an error that wraps
// [ErrWindow].
func (s *Store) Averages(ctx context.Context, mixnodes []metrics.MixID, start, end time.Time) ([]metrics.Uptime, error) {
	if end.Before(start) {
		return nil, fmt.Errorf("%w: it ends at %s, before it starts at %s", ErrWindow,
			end.UTC().Format(time.RFC3339Nano), start.UTC().Format(time.RFC3339Nano))
	}
	var sums []struct {
		Mixnode metrics.MixID `db:"mixnode"`
		Sum     int64         `db:"total"`
		Count   int64         `db:"samples"`
	}
	err := s.db.SelectContext(ctx, &sums,
		`SELECT mixnode, SUM(value) AS total, COUNT(*) AS samples FROM sample WHERE time_ms >= ? AND time_ms < ? GROUP BY mixnode`,
		start.UnixMilli(), end.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("average samples: %w", err)
	}
	averages := make(map[metrics.MixID]metrics.Uptime, len(sums))
	for _, sum := range sums {
		averages[sum.Mixnode] = metrics.AverageOfSum(sum.Sum, sum.Count)
	}
	values := make([]metrics.Uptime, len(mixnodes))
	for i, id := range mixnodes {
		values[i] = metrics.Missing
		if average, ok := averages[id]; ok {
			values[i] = average
		}
	}
	return values, nil
}

// Prune removes all samples from before that time and returns how many. The caller keeps an epoch's
// samples at least until its report is signed.
func (s *Store) Prune(ctx context.Context, before time.Time) (removed int64, err error) {
	result, err := s.db.ExecContext(ctx, `DELETE FROM sample WHERE time_ms < ?`, before.UnixMilli())
	if err == nil {
		removed, err = result.RowsAffected()
	}
	if err != nil {
		return 0, fmt.Errorf("prune samples: %w", err)
	}
	return removed, nil
}
