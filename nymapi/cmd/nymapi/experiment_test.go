package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// runExperiment runs the command with these flags.
func runExperiment(ctx context.Context, flags string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(ctx, append([]string{"experiment"}, strings.Fields(flags)...), &out, &errs)
	return status, out.String(), errs.String()
}

func TestExperimentNamesInvalidFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("notes", []byte("mine"), 0o600))
	require.NoError(t, os.WriteFile("small.csv", []byte("epoch,observer,m1\n1,a,90\n"), 0o600))
	for _, tt := range []struct{ flags, want string }{
		{"--section bases", "--section bases: expected some of base,"},
		{"--section list,base", "--section list: expected some of"},
		{"--n 12", "--n 12: expected some of 4,7,10,13,17"},
		{"--n four", `invalid argument "four" for "--n"`},
		{"--lie truth", "--lie truth: expected some of honest,zero"},
		{"--missing 30", "--missing 30: expected some of 0,0.1,0.25,0.5"},
		{"--estimator average", `--estimator: unknown estimator "average": expected mean, median`},
		{"--seeds 0", "--seeds 0: expected 1 to 10000; give --seeds 20"},
		{"--first-seed -1", `invalid argument "-1" for "--first-seed"`},
		{"--epochs 0", "--epochs 0: expected 1 to 10000"},
		{"--epochs 1000000", "--epochs 1000000: expected 1 to 10000"},
		{"--section packets --n 4", "no cell has all of --section, --n, --lie and --missing"},
		{"--out notes", "--out: "},
		{"--out .", "--out .: it has other files; give a new or an empty folder"},
		{"--trace missing.csv", "--trace: open trace: open missing.csv: no such file"},
		{"--trace notes", "--trace: notes:1"},
		{"--trace small.csv", "--trace: bad trace for an experiment: 1 observers, expected at least 8"},
		{"--section trace", "--section trace: expected some of"},
		{"base", `takes no argument, got "base"`},
	} {
		status, stdout, stderr := runExperiment(t.Context(), tt.flags)
		require.Equal(t, command.ExitUsage, status, tt.flags)
		require.Empty(t, stdout, tt.flags)
		require.Contains(t, stderr, tt.want)
	}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Len(t, entries, 2, "nothing was created")
}

func TestExperimentOfMoreThanAnHourNeedsYes(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	flags := "--section base --n 17 --lie honest --missing 0 --seeds 10000 --epochs 10000 --out " + out
	status, _, stderr := runExperiment(t.Context(), flags)
	require.Equal(t, command.ExitUsage, status)
	require.Contains(t, stderr, "1 cells x 10000 seeds = 10000 runs of 10000 epochs")
	require.Contains(t, stderr, "more than an hour: give --yes to begin, or fewer --seeds")
	require.NoDirExists(t, out)

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, cancel)
	status, _, stderr = runExperiment(ctx, strings.Replace(flags, "--epochs 10000", "--epochs 300", 1)+" --yes")
	require.Equal(t, command.ExitInterrupted, status)
	require.NotContains(t, stderr, "give --yes")
	require.Contains(t, stderr, "continue with the same flags and --out "+out)
}

// TestExperimentContinuesAndYieldsTheSame interrupts an experiment, continues it, and compares it
// with one that was not interrupted and ran on another number of cores.
func TestExperimentContinuesAndYieldsTheSame(t *testing.T) {
	dir := t.TempDir()
	flags := "--section base,region --n 4,10 --lie honest,zero --missing 0,0.25 --seeds 3 --epochs 5 --out "
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	status, stdout, stderr := runExperiment(t.Context(), flags+filepath.Join(dir, "whole"))
	require.Zero(t, status, stderr)
	require.Contains(t, stdout, filepath.Join(dir, "whole", "results.csv"))
	whole, err := os.ReadFile(filepath.Join(dir, "whole", "results.csv"))
	require.NoError(t, err)

	runtime.GOMAXPROCS(3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status, _, stderr = runExperiment(ctx, flags+filepath.Join(dir, "parts"))
	require.Equal(t, command.ExitInterrupted, status, stderr)
	require.FileExists(t, filepath.Join(dir, "parts", "journal"))
	require.NoFileExists(t, filepath.Join(dir, "parts", "results.csv"))
	status, _, stderr = runExperiment(t.Context(), flags+filepath.Join(dir, "parts"))
	require.Zero(t, status, stderr)
	parts, err := os.ReadFile(filepath.Join(dir, "parts", "results.csv"))
	require.NoError(t, err)
	require.Equal(t, string(whole), string(parts))

	status, _, stderr = runExperiment(t.Context(), strings.Replace(flags, "--seeds 3", "--seeds 4", 1)+filepath.Join(dir, "parts"))
	require.Equal(t, command.ExitUsage, status)
	require.Contains(t, stderr, "of 3 seeds from 1, now 4 from 1; give another folder, or the flags with which it began")
}

func TestExperimentPlaysAFile(t *testing.T) {
	out := t.TempDir()
	status, _, stderr := runExperiment(t.Context(), "--trace ../../../metrics/testdata/seattle/seattle_uptime.csv --section trace,seattle --lie honest --missing 0 --seeds 2 --out "+out)
	require.Zero(t, status, stderr)
	content, err := os.ReadFile(filepath.Join(out, "results.csv"))
	require.NoError(t, err)
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	require.NoError(t, err)
	half := (len(rows) - 1) / 2
	require.Positive(t, half)
	for i := range half { // the file is that of the section seattle
		require.Equal(t, rows[1+i][1:], rows[1+half+i][1:])
	}
}

func TestExperimentListsItsSections(t *testing.T) {
	status, stdout, stderr := runExperiment(t.Context(), "--section list")
	require.Zero(t, status, stderr)
	require.Contains(t, stdout, "base (")
	require.Contains(t, stdout, "seattle (")
	require.Contains(t, stdout, " cells in all\n")
	for line := range strings.Lines(stdout) {
		require.LessOrEqual(t, len(line), 81)
	}
}

func TestTimesAreInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "1 s", 90 * time.Second: "91 s", 150 * time.Second: "3 min", 59*time.Minute + 50*time.Second: "60 min",
		125 * time.Minute: "2 h 5 min", 47 * time.Hour: "47 h 0 min", 60 * time.Hour: "3 days",
	} {
		require.Equal(t, want, inWords(d))
	}
}
