package rows_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/rows"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/shadowtest"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/window"
)

const submitter = "2sF7Yk3cNqXv1Rb9TzW8mHdUoJp5LgAeKwCi6nQyVtSx"

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "db.sqlite") }

// readAll returns what is in a database.
func readAll(t *testing.T, path string, kind rows.Kind) ([]window.Measurement, rows.Tally) {
	t.Helper()
	db, err := rows.Open(t.Context(), path)
	require.NoError(t, err)
	var all []window.Measurement
	tally, err := db.Read(t.Context(), kind, func(m window.Measurement) error {
		all = append(all, m)
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, db.Close())
	return all, tally
}

func TestTimesAreReadInEveryUsualForm(t *testing.T) {
	at := time.Date(2026, 9, 1, 10, 20, 30, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-09-01T10:20:30Z":                at,
		"2026-09-01T10:20:30.123456789Z":      at.Add(123456789),
		"2026-09-01T10:20:30+00:00":           at,
		"2026-09-01T12:20:30.5+02:00":         at.Add(time.Second / 2),
		"2026-09-01 10:20:30":                 at,
		"2026-09-01 10:20:30.25":              at.Add(time.Second / 4),
		"2026-09-01 10:20:30.123456789+00:00": at.Add(123456789),
		"2026-09-01 08:20:30-02:00":           at,
	} {
		path := newPath(t)
		shadowtest.Create(t, path, shadowtest.Schema(), shadowtest.Insert(t, shadowtest.Stress, shadowtest.Result{
			Submitter: submitter, Node: 7, Result: 0.25, Reachable: 1, Time: text,
		}))
		all, tally := readAll(t, path, rows.Stress)
		require.Equal(t, []window.Measurement{{Node: window.Node{Name: "7"}, Submitter: submitter, Time: want, Value: 250_000, Reachable: true}}, all, "%s %v", text, tally)
		db, err := rows.Open(t.Context(), path)
		require.NoError(t, err)
		first, last, err := db.Bounds(t.Context(), rows.Stress, at.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, []time.Time{at, at}, []time.Time{first, last}, text)
		require.NoError(t, db.Close())
	}
}

// anything takes every value, as the tables of a foreign program may.
const anything = `CREATE TABLE nym_node_liveness_result (testrun_id, submitter_pubkey, node_id, result, was_reachable, test_timestamp)`

func TestUnusableRowsAreCountedByReason(t *testing.T) {
	good := shadowtest.Result{Submitter: submitter, Node: 1, Result: 1, Reachable: 1, Time: shadowtest.Start}
	with := func(change func(*shadowtest.Result)) shadowtest.Result {
		r := good
		change(&r)
		return r
	}
	for want, r := range map[string]shadowtest.Result{
		"node_id is not a number from 0 to 4294967295: -1":              with(func(r *shadowtest.Result) { r.Node = -1 }),
		"node_id is not a number from 0 to 4294967295: 4294967296":      with(func(r *shadowtest.Result) { r.Node = int64(1) << 32 }),
		`node_id is not a number from 0 to 4294967295: "one"`:           with(func(r *shadowtest.Result) { r.Node = "one" }),
		"submitter_pubkey is not text of 1 to 100 printable characters": with(func(r *shadowtest.Result) { r.Submitter = strings.Repeat("x", 101) }),
		"submitter_pubkey is not text of 1 to 100 printable charac":     with(func(r *shadowtest.Result) { r.Submitter = []byte{1, 2} }),
		"result is NULL or NaN, which SQLite cannot tell apart: NULL":   with(func(r *shadowtest.Result) { r.Result = nil }),
		"result is outside 0 to 1: 1.0001":                              with(func(r *shadowtest.Result) { r.Result = 1.0001 }),
		"result is outside 0 to 1: -0.1":                                with(func(r *shadowtest.Result) { r.Result = -0.1 }),
		"result is outside 0 to 1: 98":                                  with(func(r *shadowtest.Result) { r.Result = 98 }),
		"result is not a number":                                        with(func(r *shadowtest.Result) { r.Result = "high" }),
		"was_reachable is neither 0 nor 1: NULL":                        with(func(r *shadowtest.Result) { r.Reachable = nil }),
		"was_reachable is neither 0 nor 1: 2":                           with(func(r *shadowtest.Result) { r.Reachable = 2 }),
		"test_timestamp is not a time such as":                          with(func(r *shadowtest.Result) { r.Time = nil }),
		"2000 to 2199: 1788220800":                                      with(func(r *shadowtest.Result) { r.Time = 1788220800 }),
		`2000 to 2199: "0001-01-01T00:00:00Z"`:                          with(func(r *shadowtest.Result) { r.Time = "0001-01-01T00:00:00Z" }),
		`2000 to 2199: "2026-02-30 00:00:00"`:                           with(func(r *shadowtest.Result) { r.Time = "2026-02-30 00:00:00" }),
	} {
		path := newPath(t)
		shadowtest.Create(t, path, anything, shadowtest.Insert(t, shadowtest.Liveness, r, r, good))
		all, tally := readAll(t, path, rows.Liveness)
		require.Len(t, all, 1, want)
		require.Equal(t, 3, tally.Read)
		require.Len(t, tally.Unusable, 1, want)
		require.Equal(t, 2, tally.Unusable[0].Count, want)
		require.Contains(t, tally.Unusable[0].Reason+": "+tally.Unusable[0].Example, want)
	}
}

// SQLite stores NaN as NULL, and no infinity passes.
func TestNumbersThatAreNoneAreUnusable(t *testing.T) {
	path := newPath(t)
	shadowtest.Create(t, path, anything, func(tx *sql.Tx) {
		_, err := tx.Exec(`INSERT INTO nym_node_liveness_result SELECT 1, 'a', 1, column1, 1, '2026-09-01 00:00:00' FROM (VALUES (9e999), (-9e999), (9e999 - 9e999))`)
		require.NoError(t, err)
	})
	all, tally := readAll(t, path, rows.Liveness)
	require.Empty(t, all)
	require.Equal(t, []rows.Unusable{
		{Reason: "result is outside 0 to 1", Count: 2, Example: "+Inf"}, {Reason: "result is NULL or NaN, which SQLite cannot tell apart", Count: 1, Example: "NULL"},
	}, tally.Unusable)
}

// The names of columns are those of several versions of Nym-API.
func TestStatusesOfMonitorV1AreReadWithTheirNames(t *testing.T) {
	for _, columns := range [][2]string{{"identity_key", "identity"}, {"identity", "identity_key"}} {
		path := newPath(t)
		schema := strings.Replace(strings.Replace(shadowtest.Schema(), "identity_key VARCHAR", "MIX TEXT", 1), "identity VARCHAR", "GATE TEXT", 1)
		schema = strings.NewReplacer("MIX", columns[0], "GATE", columns[1]).Replace(schema)
		shadowtest.Create(t, path, schema, func(tx *sql.Tx) {
			_, err := tx.Exec(`INSERT INTO mixnode_details VALUES (5, 1, 'zz'), (6, 2, 'aa'); INSERT INTO gateway_details VALUES (5, 1, 'aa');
				INSERT INTO mixnode_status VALUES (5, 100, 1788220800), (6, 67, 1788220800), (5, 0, 1788221700), (7, 1, 1788220800), (6, 101, 1788220801);
				INSERT INTO gateway_status VALUES (5, 33, 1788220800)`)
			require.NoError(t, err)
		})
		all, tally := readAll(t, path, rows.V1)
		at := shadowtest.Start
		require.Equal(t, []window.Measurement{
			{Node: window.Node{Role: "mixnode", Name: "aa"}, Submitter: rows.Monitor, Time: at, Value: 670_000, Reachable: true},
			{Node: window.Node{Role: "mixnode", Name: "mixnode_details_id=7"}, Submitter: rows.Monitor, Time: at, Value: 10_000, Reachable: true},
			{Node: window.Node{Role: "mixnode", Name: "zz"}, Submitter: rows.Monitor, Time: at, Value: 1_000_000, Reachable: true},
			{Node: window.Node{Role: "mixnode", Name: "zz"}, Submitter: rows.Monitor, Time: at.Add(15 * time.Minute), Reachable: true},
			{Node: window.Node{Role: "gateway", Name: "aa"}, Submitter: rows.Monitor, Time: at, Value: 330_000, Reachable: true},
		}, all)
		require.Equal(t, rows.Tally{Read: 6, Unusable: []rows.Unusable{{Reason: "reliability is not a number from 0 to 100", Count: 1, Example: "101"}}}, tally)
	}
}

func TestASchemaThatDiffersIsNamedWithTableAndColumn(t *testing.T) {
	for _, c := range []struct {
		kind     rows.Kind
		from, to string
		want     string
	}{
		{rows.Liveness, "CREATE TABLE nym_node_liveness_result", "CREATE TABLE other", "table nym_node_liveness_result is missing, found gateway_details, gateway_status, mixnode_details, mixnode_status, nym_node_stress_testing_result, other"},
		{rows.Stress, "submitter_pubkey TEXT NOT NULL, node_id INTEGER NOT NULL,", "submitter_pubkey TEXT NOT NULL, id2 INTEGER, node_id INTEGER,", ""},
		{rows.Liveness, "result REAL", "score REAL", "column nym_node_liveness_result.result is missing, expected type REAL"},
		{rows.Liveness, "result REAL", "result TEXT", "column nym_node_liveness_result.result has type TEXT, expected REAL"},
		{rows.Liveness, "result REAL", "RESULT DOUBLE PRECISION", ""},
		{rows.Liveness, "was_reachable BOOLEAN", "reachable BOOLEAN", "column nym_node_liveness_result.was_reachable is missing, expected type BOOLEAN"},
		{rows.Liveness, "was_reachable BOOLEAN", "was_reachable INTEGER", ""},
		{rows.Liveness, "test_timestamp TIMESTAMP WITHOUT TIME ZONE", "test_timestamp INTEGER", "column nym_node_liveness_result.test_timestamp has type INTEGER, expected TIMESTAMP"},
		{rows.Liveness, "test_timestamp TIMESTAMP WITHOUT TIME ZONE", "test_timestamp DATETIME", ""},
		{rows.Stress, "node_id INTEGER", "node_id TEXT", "column nym_node_stress_testing_result.node_id has type TEXT, expected INTEGER"},
		{rows.V1, "reliability INTEGER", "reliability REAL", "column mixnode_status.reliability has type REAL, expected INTEGER"},
		{rows.V1, "CREATE TABLE gateway_details", "CREATE TABLE gateways", "table gateway_details is missing"},
		{rows.V1, "identity_key VARCHAR", "name VARCHAR", "column mixnode_details.identity_key is missing, expected type VARCHAR"},
	} {
		path := newPath(t)
		schema := shadowtest.Schema()
		require.Contains(t, schema, c.from)
		replaced := strings.ReplaceAll(schema, c.from, c.to)
		if strings.Contains(c.to, "score") || strings.Contains(c.to, "reachable") || strings.Contains(c.to, "test_timestamp") {
			replaced = strings.ReplaceAll(replaced, "UNIQUE (node_id, test_timestamp, submitter_pubkey)", "CHECK (true)")
		}
		shadowtest.Create(t, path, replaced)
		db, err := rows.Open(t.Context(), path)
		require.NoError(t, err)
		_, err = db.Read(t.Context(), c.kind, nil)
		if c.want == "" {
			require.NoError(t, err, c.to)
		} else {
			require.ErrorIs(t, err, rows.ErrSchema, c.to)
			require.ErrorContains(t, err, path+": "+c.want)
			_, _, bounds := db.Bounds(t.Context(), c.kind, time.Now())
			require.EqualError(t, bounds, err.Error())
		}
		require.NoError(t, db.Close())
	}
}

func TestTheKindIsFoundByItsRows(t *testing.T) {
	stress := shadowtest.Insert(t, shadowtest.Stress, shadowtest.Result{Submitter: "a", Node: 1, Result: 1, Reachable: 1, Time: shadowtest.Start})
	for name, c := range map[string]struct {
		schema string
		fill   func(*sql.Tx)
		want   rows.Kind
	}{
		"no rows at all":     {shadowtest.Schema(), func(*sql.Tx) {}, rows.Liveness},
		"rows of stress":     {shadowtest.Schema(), stress, rows.Stress},
		"rows of monitor v1": {`CREATE TABLE mixnode_status (a); INSERT INTO mixnode_status VALUES (1)`, func(*sql.Tx) {}, rows.V1},
	} {
		path := newPath(t)
		shadowtest.Create(t, path, c.schema, c.fill)
		db, err := rows.Open(t.Context(), path)
		require.NoError(t, err)
		kind, err := db.Find(t.Context())
		require.NoError(t, err, name)
		require.Equal(t, c.want, kind, name)
		require.NoError(t, db.Close())
	}
	path := newPath(t)
	shadowtest.Create(t, path, `CREATE TABLE epochs (id)`)
	db, err := rows.Open(t.Context(), path)
	require.NoError(t, err)
	_, err = db.Find(t.Context())
	require.ErrorIs(t, err, rows.ErrSchema)
	require.ErrorContains(t, err, "expected one of the tables nym_node_liveness_result (--kind liveness), nym_node_stress_testing_result (--kind stress), mixnode_status (--kind v1), found epochs (give the db.sqlite of a Nym-API)")
	require.NoError(t, db.Close())
}

func TestNothingToReadIsAnError(t *testing.T) {
	path := newPath(t)
	shadowtest.Create(t, path, shadowtest.Schema(), shadowtest.Insert(t, shadowtest.Liveness, shadowtest.Result{Submitter: "a", Node: 1, Result: 1, Reachable: 1, Time: shadowtest.Start}))
	db, err := rows.Open(t.Context(), path)
	require.NoError(t, err)
	_, _, err = db.Bounds(t.Context(), rows.Stress, time.Now())
	require.ErrorIs(t, err, rows.ErrEmpty)
	require.ErrorContains(t, err, "nym_node_stress_testing_result has no row with a time")
	_, _, err = db.Bounds(t.Context(), rows.Liveness, shadowtest.Start)
	require.ErrorIs(t, err, rows.ErrEmpty)
	require.ErrorContains(t, err, "all 1 measurements of kind liveness are at or after 2026-09-01T00:00:00Z (give a later --until)")
	require.NoError(t, db.Close())
}

func TestOtherFilesAreRefusedWithAdvice(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	damaged := filepath.Join(dir, "damaged")
	shadowtest.Create(t, damaged, shadowtest.Schema())
	data, err := os.ReadFile(damaged)
	require.NoError(t, err)
	copy(data[100:], strings.Repeat("x", 3000))
	blocked := filepath.Join(dir, "blocked")
	shadowtest.Create(t, blocked, shadowtest.Schema())
	require.NoError(t, os.Mkdir(blocked+"-wal", 0o700))
	for path, want := range map[string]string{
		filepath.Join(dir, "none"):         "it does not exist (give the db.sqlite of a Nym-API",
		dir:                                "it is not a regular file",
		write("text", "measurements\n"):    "it is not a SQLite database",
		write("empty", ""):                 "it is not a SQLite database",
		write("header", string(data[:60])): "sqlite3 ",
		write("broken", string(data)):      "the file is damaged, or was copied while it was in use; make a copy where you may write, with: sqlite3 ",
		blocked:                            "it has a write-ahead log, for which SQLite needs a file " + blocked + "-shm that it may write to; make a copy",
	} {
		_, err := rows.Open(t.Context(), path)
		require.ErrorIs(t, err, rows.ErrFile, path)
		require.ErrorContains(t, err, want)
	}
}

// No file appears next to a database that no program uses, so it can be read in a folder that
// takes no files.
func TestNothingIsWrittenNextToADatabase(t *testing.T) {
	path := newPath(t)
	shadowtest.Create(t, path, shadowtest.Schema())
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.EqualValues(t, 2, before[19], "WAL mode")
	_, tally := readAll(t, path, rows.Liveness)
	require.Zero(t, tally.Read)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestAWriterThatBeginsMeanwhileIsNoticed(t *testing.T) {
	path := newPath(t)
	shadowtest.Create(t, path, shadowtest.Schema())
	db, err := rows.Open(t.Context(), path)
	require.NoError(t, err)
	writer := shadowtest.Write(t, path)
	_, err = writer.Exec(`CREATE TABLE more (a)`)
	require.NoError(t, err)
	require.ErrorIs(t, db.Close(), rows.ErrChanged)
	require.NoError(t, writer.Close())
	db, err = rows.Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

// A Nym-API in WAL mode writes while its database is read. The reader sees the rows of when it
// began, those that are in the log only included, and does not hold the writer up.
func TestADatabaseIsReadWhileItIsWritten(t *testing.T) {
	path := newPath(t)
	shadowtest.Create(t, path, shadowtest.Schema())
	writer := shadowtest.Write(t, path)
	_, err := writer.Exec(`PRAGMA wal_autocheckpoint = 0`)
	require.NoError(t, err)
	minute := 0
	insert := func(count int) {
		tx, err := writer.Begin()
		require.NoError(t, err)
		for range count {
			shadowtest.Insert(t, shadowtest.Liveness, shadowtest.Result{
				Submitter: "a", Node: 1, Result: 1, Reachable: 1, Time: shadowtest.Start.Add(time.Duration(minute) * time.Minute),
			})(tx)
			minute++
		}
		require.NoError(t, tx.Commit())
	}
	insert(1000)
	db, err := rows.Open(t.Context(), path)
	require.NoError(t, err)
	insert(10)
	read := 0
	tally, err := db.Read(t.Context(), rows.Liveness, func(window.Measurement) error {
		if read++; read%100 == 0 {
			insert(1)
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 1000, tally.Read)
	require.NoError(t, db.Close())
	require.NoError(t, writer.Close())
	_, tally = readAll(t, path, rows.Liveness)
	require.Equal(t, 1020, tally.Read)
}

func TestALockedDatabaseIsReported(t *testing.T) {
	path := newPath(t)
	db, err := sql.Open("sqlite3", database.Name(path, "?mode=rwc&_txlock=exclusive"))
	require.NoError(t, err)
	_, err = db.Exec(shadowtest.Schema())
	require.NoError(t, err)
	tx, err := db.Begin()
	require.NoError(t, err)
	_, err = tx.Exec(`CREATE TABLE more (a)`)
	require.NoError(t, err)
	_, err = rows.OpenWaiting(t.Context(), path, time.Millisecond)
	require.ErrorIs(t, err, rows.ErrFile)
	require.ErrorContains(t, err, "another program has locked it; run the command again later, or make a copy")
	require.NoError(t, tx.Rollback())
	require.NoError(t, db.Close())
	_, tally := readAll(t, path, rows.Stress)
	require.Zero(t, tally.Read)
}

func TestReadingEndsWithItsContextAndWithTheFirstError(t *testing.T) {
	path := newPath(t)
	world := shadowtest.World{Nodes: 3, Submitters: 2, Every: time.Hour, Length: 6 * time.Hour}
	shadowtest.Create(t, path, shadowtest.Schema(), shadowtest.Insert(t, shadowtest.Liveness, world.Results()...))
	db, err := rows.Open(t.Context(), path)
	require.NoError(t, err)
	broken := fmt.Errorf("broken")
	_, err = db.Read(t.Context(), rows.Liveness, func(window.Measurement) error { return broken })
	require.Equal(t, broken, err)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = db.Read(ctx, rows.Liveness, func(window.Measurement) error {
		cancel()
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, db.Close())
}
