package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

func TestExperimentAnswersAgainFromItsResults(t *testing.T) {
	dir := t.TempDir()
	out, again := filepath.Join(dir, "out"), filepath.Join(dir, "again")
	status, first, stderr := runExperiment(t.Context(), "--section base --n 4 --missing 0 --lie honest,zero --seeds 2 --epochs 5 --out "+out)
	require.Equal(t, 0, status, stderr)
	require.Contains(t, first, "Best by the criterion: ")
	require.Contains(t, first, "All figures: "+filepath.Join(out, "index.html"))
	status, second, stderr := runExperiment(t.Context(), "--from "+filepath.Join(out, "results.csv")+" --out "+again)
	require.Equal(t, 0, status, stderr)
	require.Contains(t, second, "All figures: "+filepath.Join(again, "index.html"))
	require.Contains(t, second, "Every cell and seed: "+filepath.Join(out, "results.csv"))
	for _, name := range []string{"index.html", "summary.csv", "differences.csv", "figures/honest-by-n.svg"} {
		want, err := os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(again, name))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), name)
	}
}

func TestExperimentFromNamesWhatIsWrong(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("notes.csv", []byte("a,b\n1,2\n"), 0o600))
	for _, tt := range []struct{ flags, want string }{
		{"--from missing.csv", "--from: open results: open missing.csv: no such file"},
		{"--from notes.csv", `--from: read results: not results of this version of nymapi experiment: line 1: the columns are "a,b"`},
		{"--from notes.csv --seeds 3", "--from: nothing is played, so --seeds has no meaning; remove it"},
		{"--from=", "--from: expected a file of results"},
		{"--from .", "--from: "},
	} {
		status, stdout, stderr := runExperiment(t.Context(), tt.flags)
		require.Equal(t, command.ExitUsage, status, tt.flags)
		require.Empty(t, stdout, tt.flags)
		require.Contains(t, stderr, tt.want)
	}
}
