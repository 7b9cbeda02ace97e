package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

func TestLastLineCountsTheSchedules(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(t.Context(), []string{"-schedules", "10", "-seed", "4", "-max", "5"}, &out))
	require.True(t, strings.HasSuffix(out.String(), "\nschedules: 10, violations: 0, seed: 4\n"), out.String())
}

func TestViolationsComeWithACommandThatReplaysThem(t *testing.T) {
	var out strings.Builder
	args := []string{"-schedules", "200", "-seed", "1", "-max", "5", "-beyond", "2", "-adversaries", "equivocate", "-stop", "1"}
	require.ErrorIs(t, run(t.Context(), args, &out), errViolation)
	_, command, found := strings.Cut(out.String(), "-replay '")
	require.True(t, found, out.String())
	schedule, _, found := strings.Cut(command, "'")
	require.True(t, found)
	var trace strings.Builder
	require.ErrorIs(t, run(t.Context(), []string{"-replay", schedule}, &trace), errViolation)
	require.Contains(t, trace.String(), "VIOLATION of ")
	require.Contains(t, trace.String(), "trace hash: ")
}

func TestMissingArgumentsAreErrors(t *testing.T) {
	var out strings.Builder
	require.ErrorContains(t, run(t.Context(), nil, &out), "-minutes or -schedules")
	require.Error(t, run(t.Context(), []string{"-replay", "{}"}, &out))
	require.ErrorContains(t, run(t.Context(), []string{"-schedules", "1", "-adversaries", "kind"}, &out), "adversary")
	require.ErrorContains(t, run(t.Context(), []string{"-schedules", "1", "-min", "9", "-max", "4"}, &out), "-min")
}

func TestQuietScheduleIsReplayedToItsEnd(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(t.Context(), []string{"-replay", simulation.Draw(3, simulation.Range{MaxNodes: 4}).String()}, &out))
	require.Contains(t, out.String(), "0 starts")
}
