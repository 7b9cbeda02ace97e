package simulation_test

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// The search often draws disks that lose votes which only the counter outside the store shows, and
// folders that are reverted as a whole. In no schedule is a promise broken.
func TestTheSearchRevertsDisks(t *testing.T) {
	const schedules = 150
	counted, forgotten := 0, 0
	muted := regexp.MustCompile(`is mute: its store counts (\d+) starts of (\d+),`)
	for seed := range uint64(schedules) {
		var trace bytes.Buffer
		result, err := simulation.Run(simulation.Draw(seed, simulation.Range{MaxNodes: 7, RealEvery: -1}), simulation.Options{Trace: &trace})
		require.NoError(t, err)
		require.Empty(t, result.Violations)
		for _, found := range muted.FindAllSubmatch(trace.Bytes(), -1) {
			if bytes.Equal(found[1], found[2]) {
				counted++
			}
		}
		forgotten += bytes.Count(trace.Bytes(), []byte("its whole folder is reverted"))
	}
	t.Logf("noticed by the counter alone: %d, reverted folders: %d", counted, forgotten)
	require.Greater(t, counted, schedules/50)
	require.Greater(t, forgotten, schedules/50)
}
