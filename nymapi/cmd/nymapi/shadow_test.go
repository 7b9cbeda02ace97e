package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/shadowtest"
)

// measurements makes a database with hours of liveness.
func measurements(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.sqlite")
	world := shadowtest.World{Nodes: 8, Submitters: 4, Every: 15 * time.Minute, Length: 10 * time.Hour}
	shadowtest.Create(t, path, shadowtest.Schema(), shadowtest.Insert(t, shadowtest.Liveness, world.Results()...))
	return path
}

func runShadow(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(ctx, append([]string{"shadow"}, args...), &out, &errs)
	return status, out.String(), errs.String()
}

func TestShadowWritesItsResultsAndPrintsOneOfThem(t *testing.T) {
	path := measurements(t)
	t.Chdir(t.TempDir())
	for _, format := range []string{"text", "json", "csv"} {
		status, stdout, stderr := runShadow(t.Context(), "--db", path, "--format", format, "--out", format)
		require.Zero(t, status, stderr)
		require.Contains(t, stderr, "The results are in "+format+": open index.html in a browser.")
		switch format {
		case "text":
			require.Contains(t, strings.Join(strings.Fields(stdout), " "), "kind liveness: 10 epochs of 1h, from ")
		case "json":
			var s shadow.Summary
			require.NoError(t, json.Unmarshal([]byte(stdout), &s))
			require.Equal(t, 8, s.Nodes)
		case "csv":
			require.Equal(t, 1+80, strings.Count(stdout, "\n"))
			written, err := os.ReadFile(filepath.Join(format, "scores.csv"))
			require.NoError(t, err)
			require.Equal(t, stdout, string(written))
		}
		require.FileExists(t, filepath.Join(format, "index.html"))
	}
	require.NoDirExists(t, "results")
	status, _, stderr := runShadow(t.Context(), "--db", path)
	require.Zero(t, status, stderr)
	require.FileExists(t, "results/shadow/latest/index.html")
}

func TestShadowNamesInvalidFlags(t *testing.T) {
	path := measurements(t)
	t.Chdir(t.TempDir())
	for _, tt := range []struct{ args, want string }{
		{"", "--db: expected the database of a Nym-API; give --db db.sqlite"},
		{"--db DB --kind livness", "--kind livness: expected liveness, stress, v1, did you mean liveness?"},
		{"--db DB --window 90m", "--window 1h30m0s: expected a multiple of the epoch of 1h0m0s; give --window 1h0m0s"},
		{"--db DB --window -1h", "--window -1h0m0s: expected 1m to"},
		{"--db DB --epoch 2d", `invalid argument "2d" for "--epoch"`},
		{"--db DB --estimator best", `--estimator: unknown estimator "best"`},
		{"--db DB --format xml", "--format xml: expected text, json or csv; give --format text"},
		{"--db DB --until yesterday", "--until yesterday: expected a time with its offset; give --until 2026-11-30T12:00:00Z"},
		{"--db DB --out " + filepath.Dir(path), "expected a new or an empty folder; give another one, or remove it"},
		{"--db DB --out DB/below", "--out"},
		{"DB", "unknown command"},
	} {
		status, stdout, stderr := runShadow(t.Context(), strings.Fields(strings.ReplaceAll(tt.args, "DB", path))...)
		require.Equal(t, command.ExitUsage, status, tt.args)
		require.Empty(t, stdout, tt.args)
		require.Contains(t, stderr, tt.want, tt.args)
	}
}

func TestShadowSaysWhatIsWrongWithADatabase(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.WriteFile("notes.txt", []byte("measurements"), 0o600))
	shadowtest.Create(t, "foreign.db", `CREATE TABLE epochs (id)`)
	shadowtest.Create(t, "newer.db", strings.Replace(shadowtest.Schema(), "was_reachable BOOLEAN", "reached BOOLEAN", 1))
	shadowtest.Create(t, "empty.db", shadowtest.Schema())
	for _, tt := range []struct{ args, want string }{
		{"--db none.db", "cannot read the database none.db: it does not exist"},
		{"--db notes.txt", "it is not a SQLite database (give the db.sqlite of a Nym-API, or a copy of it)"},
		{"--db .", "it is not a regular file"},
		{"--db foreign.db", "expected one of the tables nym_node_liveness_result (--kind liveness)"},
		{"--db foreign.db --kind v1", "table mixnode_status is missing, found epochs"},
		{"--db newer.db", "column nym_node_liveness_result.was_reachable is missing, expected type BOOLEAN"},
		{"--db empty.db", "nym_node_liveness_result has no row with a time"},
		{"--db empty.db --kind stress", "nym_node_stress_testing_result has no row with a time"},
	} {
		status, stdout, stderr := runShadow(t.Context(), strings.Fields(tt.args)...)
		require.Equal(t, command.ExitFailure, status, tt.args)
		require.Empty(t, stdout)
		require.Contains(t, stderr, tt.want)
		require.NotContains(t, stderr, "votes", "no advice about a Nym-API's own files")
	}
	require.NoDirExists(t, "results", "nothing was found")
}

func TestShadowIsInterrupted(t *testing.T) {
	path := measurements(t)
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status, _, stderr := runShadow(ctx, "--db", path)
	require.Equal(t, command.ExitInterrupted, status, stderr)
}
