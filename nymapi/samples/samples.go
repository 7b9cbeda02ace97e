// Package samples stores the samples of one Nym-API in SQLite until their epochs are reported. It
// uses one table, keyed by mixnode and time in milliseconds. A failed measurement has no row.
//
// The package has no clock and starts no goroutine: the caller says which window to average and
// what has expired. One file belongs to one [Store] of one process. What Record has stored survives
// a crash and a power cut.
//
// Read next: migrations/ for the schema, package metrics for the averages.
package samples

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

var (
	// ErrSample reports an invalid sample: a bad mixnode name, or a value above 100.
	ErrSample = errors.New("bad sample")
	// ErrWindow reports a window that ends before it starts.
	ErrWindow = errors.New("bad window")
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is an open file of samples. Its methods may be called concurrently; they share one
// connection and wait for each other.
type Store struct{ db *database.DB }

// Open opens the file at path, creates it if it does not exist, and brings its schema up to date.
// The folder must exist. While another program locks the file or the disk is full, writes wait
// until their context is done; log says so and may be nil.
func Open(ctx context.Context, path string, log *slog.Logger) (*Store, error) {
	db, err := database.Open(ctx, database.Config{Path: path, Migrations: migrations, Log: log})
	if err != nil {
		return nil, fmt.Errorf("open samples %s: %w", path, err)
	}
	return &Store{db: db}, nil
}

// Close closes the file. No method may be called afterwards.
func (s *Store) Close() error { return s.db.Close() }

// Record stores all samples, or none if one of them is invalid or storing fails. The error of an
// invalid sample wraps [ErrSample]. Times are truncated to milliseconds. The first value for a
// mixnode and a time stays, so recording the same samples again changes nothing and is safe after
// an error.
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

func (s *Store) insert(ctx context.Context, samples []metrics.Sample) error {
	return s.db.Write(ctx, func(tx *sqlx.Tx) error {
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
		return nil
	})
}

// Averages returns the average uptime of each mixnode over the half-open window [start, end). Value
// i belongs to mixnode i and is [metrics.Missing] if it has no sample. The bounds are truncated to
// milliseconds like the samples, so adjacent windows neither share nor lose a sample. Other
// mixnodes are ignored. If end is before start, the error wraps [ErrWindow].
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

// Prune removes all samples from before that time and returns their number. The caller keeps an
// epoch's samples at least until its report is signed.
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
