// Package shadowtest makes databases of Nym-APIs for tests, in the layouts of monitor v1 and v3.
// The measurements are made up, and the same each time.
//
// The package is for tests only.
package shadowtest

import (
	"database/sql"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver sqlite3
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// Start is when the measurements of a [World] begin.
var Start = time.Unix(1_788_220_800, 0).UTC() // 2026-09-01

// Tables of the measurements of monitor v3.
const (
	Liveness = "nym_node_liveness_result"
	Stress   = "nym_node_stress_testing_result"
)

// Schema returns the statements that create the tables of both monitors.
func Schema() string { return statusTables + resultTable(Liveness) + resultTable(Stress) }

const statusTables = `
CREATE TABLE mixnode_details (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, mix_id INTEGER NOT NULL UNIQUE, identity_key VARCHAR NOT NULL);
CREATE TABLE gateway_details (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, node_id INTEGER NOT NULL UNIQUE, identity VARCHAR NOT NULL UNIQUE);
CREATE TABLE mixnode_status (mixnode_details_id INTEGER NOT NULL, reliability INTEGER NOT NULL, timestamp INTEGER NOT NULL);
CREATE TABLE gateway_status (gateway_details_id INTEGER NOT NULL, reliability INTEGER NOT NULL, timestamp INTEGER NOT NULL);`

func resultTable(table string) string {
	return `
CREATE TABLE ` + table + ` (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, testrun_id INTEGER NOT NULL, submitter_pubkey TEXT NOT NULL, node_id INTEGER NOT NULL,
	result REAL NOT NULL, was_reachable BOOLEAN NOT NULL, test_timestamp TIMESTAMP WITHOUT TIME ZONE NOT NULL,
	UNIQUE (node_id, test_timestamp, submitter_pubkey));`
}

// Create creates a database with a schema and closes it. In WAL mode it has no log afterwards.
func Create(t testing.TB, path, schema string, fill ...func(*sql.Tx)) {
	t.Helper()
	db := Write(t, path)
	_, err := db.Exec(schema)
	require.NoError(t, err)
	tx, err := db.Begin()
	require.NoError(t, err)
	for _, add := range fill {
		add(tx)
	}
	require.NoError(t, tx.Commit())
	require.NoError(t, db.Close())
}

// Write opens a database in WAL mode for writing, as a Nym-API has it.
func Write(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", database.Name(path, "?mode=rwc&_journal_mode=WAL&_synchronous=OFF"))
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	return db
}

// Result is a row of monitor v3. The fields may hold what the columns do not allow.
type Result struct {
	Run       int64
	Submitter any
	Node      any
	Result    any
	Reachable any
	Time      any // a time.Time is written as sqlx does
}

// Insert inserts rows of monitor v3.
func Insert(t testing.TB, table string, results ...Result) func(*sql.Tx) {
	return insertEach(t, table, slices.Values(results))
}

// InsertWorld inserts all rows of a world.
func InsertWorld(t testing.TB, table string, w World) func(*sql.Tx) {
	return insertEach(t, table, w.each)
}

func insertEach(t testing.TB, table string, results iter.Seq[Result]) func(*sql.Tx) {
	return func(tx *sql.Tx) {
		insert, err := tx.Prepare(`INSERT INTO ` + table + ` (testrun_id, submitter_pubkey, node_id, result, was_reachable, test_timestamp) VALUES (?, ?, ?, ?, ?, ?)`)
		require.NoError(t, err)
		defer insert.Close()
		for r := range results {
			if at, ok := r.Time.(time.Time); ok {
				r.Time = at.UTC().Format(time.RFC3339Nano)
			}
			_, err := insert.Exec(r.Run, r.Submitter, r.Node, r.Result, r.Reachable, r.Time)
			require.NoError(t, err)
		}
	}
}

// Submitters are identities of orchestrators.
var Submitters = []string{
	"2sF7Yk3cNqXv1Rb9TzW8mHdUoJp5LgAeKwCi6nQyVtSx", "5VhB2pZx8sKqNdRm4TjYw7CgUaEfLo9iXk3MvWnQbHtP",
	"8mQdT6xJvLpYw3ZbRk9NsFhGcUe2KaWo5Xi7VnMgCtBq", "AeW4kVtNzXm8RbQp7JhYs2GdCoLf6UgKi9TwMxHvPnSa",
	"CpX9sYw5RkTbNqVm3ZhJd7GfUoLe8KaWi2MgXtQnHvBx", "EtB6mNxKwRp2YsZd9VhJq4GcUfLo7TaWk5MiXgQvHnPe",
	"GhV3tXzPwNk8RbYm5JqTs9DcUoLf2KaWe6MiXgQnHvBd",
}

// World makes measurements of monitor v3. Each node has its own reliability, between 0.9 and 1 for
// most, and each measurement is of 10 packets of which some are lost by chance.
type World struct {
	Nodes      int // with the IDs 1, 2, …
	Submitters int
	Every      time.Duration // between two measurements of a node by a submitter
	Length     time.Duration
	// Change changes a row, and reports whether it is inserted. It may be nil.
	Change func(submitter int, r *Result) bool
}

// Results returns the rows in the order of time.
func (w World) Results() []Result { return slices.Collect(w.each) }

func (w World) each(yield func(Result) bool) {
	runs := make([]int64, w.Submitters)
	for at := time.Duration(0); at < w.Length; at += w.Every {
		for node := range w.Nodes {
			for s := range w.Submitters {
				runs[s]++
				tick := uint64(at/w.Every)*1_000_003 + uint64(node)*1009 + uint64(s)
				r := Result{
					Run: runs[s], Submitter: w.name(s), Node: int64(node + 1), Reachable: 1,
					Result: delivered(w.reliability(node), tick), Time: Start.Add(at + time.Duration(node)*time.Millisecond),
				}
				if (w.Change == nil || w.Change(s, &r)) && !yield(r) {
					return
				}
			}
		}
	}
}

func (w World) name(submitter int) string {
	name := []byte(Submitters[submitter%len(Submitters)])
	name[10] += byte(submitter / len(Submitters))
	return string(name)
}

func (w World) reliability(node int) float64 { return 1 - 0.1*math.Pow(uniform(uint64(node)+77), 2) }

// delivered returns the share of 10 packets that come back.
func delivered(reliability float64, tick uint64) float64 {
	count := 0
	for packet := range uint64(10) {
		if uniform(tick*10+packet) < reliability {
			count++
		}
	}
	return float64(count) / 10
}

// uniform returns a number from 0 to 1 that looks random.
func uniform(x uint64) float64 { return float64(draw.State(1).With(x).Fraction()) / draw.One }
