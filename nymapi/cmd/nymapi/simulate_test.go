package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/nymapi/simulate"
	"github.com/ephemera-go/nym-rewarding/nymapi/simulate/availability"
)

func TestSimulateNamesInvalidFlags(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"--availability 1.2", "--availability 1.2: expected decimals from 0 to 1, separated by commas; give --availability .95,.99,.999"},
		{"--availability .9,,.8", "--availability : expected decimals"},
		{"--nodes 1000", "--nodes 1000: expected 1 to 200 Nym-APIs"},
		{"--latency slow", "--latency slow: expected wan, uniform, heavy or a one-way delay; give --latency wan or --latency 50ms"},
		{"--adversary silent", "--adversary silent: expected name=count, separated by commas"},
		{"--growth 65", "--growth 65: expected 0 to 64 Nym-APIs"},
		{"--out simulate_test.go", "--out: create the folder: "},
		{"--availability .9 --out simulate_test.go", "--out: create the folder: "},
		{"--find -1s", "--find -1s: expected how long to search"},
		{"--find 1s --out figures", "--find: expected without --availability and --out"},
		{"--seed minus", `invalid argument "minus" for "--seed"`},
		{"more", `takes no argument, got "more"`},
		{"--colour", "unknown flag: --colour"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"simulate"}, strings.Fields(tt.args)...), &stdout, &stderr)
		require.Equal(t, command.ExitUsage, code, tt.args)
		require.Empty(t, stdout.String(), tt.args)
		require.Contains(t, stderr.String(), tt.want)
	}
}

func TestSimulateAvailabilityPrintsAndDraws(t *testing.T) {
	out := filepath.Join(t.TempDir(), "figures")
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"simulate", "--availability", ".95,.99", "--out", out}, &stdout, &stderr), stderr.String())
	text := strings.Join(strings.Fields(stdout.String()), " ")
	require.Contains(t, text, "two or three are worse than one")
	require.Contains(t, text, "Tolerance increases at N = 4, 7, 10, 13, 16")
	require.FileExists(t, filepath.Join(out, "availability.svg"))

	stdout.Reset()
	require.Zero(t, run(t.Context(), []string{"simulate", "--availability", ".95,.99", "--json"}, &stdout, &stderr), stderr.String())
	var table availability.Table
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &table))
	require.Len(t, table.Rows, 16)
	require.InDelta(t, 0.0975, table.Rows[1].Figures[0].Lost, 1e-12)
}

func TestSimulatePrintsTheSameDayEveryTime(t *testing.T) {
	out := filepath.Join(t.TempDir(), "figures")
	args := strings.Fields("simulate --nodes 4 --epochs 2 --mixnodes 20 --latency 50ms --adversary silent=1 --seed 3 --json")
	var first, second, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), args, &first, &stderr), stderr.String())
	require.Empty(t, stderr.String())
	require.Zero(t, run(t.Context(), append(args, "--out", out, "--growth", "7"), &second, &stderr), stderr.String())
	require.Equal(t, first.String(), second.String())
	written, err := os.ReadFile(filepath.Join(out, "summary.json"))
	require.NoError(t, err)
	require.Equal(t, first.String(), string(written))
	for _, name := range []string{"delays.svg", "growth-bytes.svg", "growth-messages.svg", "growth-time.svg"} {
		require.FileExists(t, filepath.Join(out, name))
	}
	var summary simulate.Summary
	require.NoError(t, json.Unmarshal(first.Bytes(), &summary))
	require.Equal(t, 2, summary.Rewarded)
	require.Zero(t, summary.Violated)
}

func TestSimulateBeyondWhatIsToleratedFails(t *testing.T) {
	var stdout, stderr bytes.Buffer
	args := strings.Fields("simulate --nodes 4 --epochs 1 --mixnodes 20 --latency 50ms --adversary restart=3")
	require.Equal(t, command.ExitFailure, run(t.Context(), args, &stdout, &stderr))
	require.Contains(t, stderr.String(), "Note: 3 of 4 Nym-APIs are Byzantine, more than f = 1")
	require.Contains(t, stderr.String(), "an invariant was violated")
	require.Contains(t, stdout.String(), "VIOLATION of honest range")
}

func TestSimulateFindCountsSchedules(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), strings.Fields("simulate --find 100ms --seed 5"), &stdout, &stderr), stderr.String())
	require.Regexp(t, `schedules: \d+, violations: 0, seed: 5\n$`, stdout.String())
	require.Empty(t, stderr.String())

	stdout.Reset()
	require.Zero(t, run(t.Context(), strings.Fields("simulate --find 100ms --seed 5 --json"), &stdout, &stderr), stderr.String())
	var search simulate.Search
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &search))
	require.Positive(t, search.Schedules)
	require.Equal(t, uint64(5), search.Seed)
	require.Zero(t, search.Violations)
}
