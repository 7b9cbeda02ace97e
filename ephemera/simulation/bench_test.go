package simulation_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// BenchmarkBroadcasts runs whole worlds of members x concurrent blocks. The targets are in
// docs/VERIFICATION.md.
func BenchmarkBroadcasts(b *testing.B) {
	for _, size := range []struct{ members, blocks int }{{4, 4}, {13, 13}, {100, 100}, {1000, 5}} {
		b.Run(fmt.Sprintf("%dx%d", size.members, size.blocks), func(b *testing.B) {
			for b.Loop() {
				result, err := simulation.Run(oneEach(size.members, size.blocks, simulation.Constant), simulation.Options{})
				require.NoError(b, err)
				require.Empty(b, result.Violations)
				require.Equal(b, size.blocks, result.Stats.Blocks)
				b.ReportMetric(float64(result.Stats.Events), "events/op")
			}
		})
	}
}

// BenchmarkSchedules draws and runs schedules of a search on one core.
func BenchmarkSchedules(b *testing.B) {
	for _, n := range []int{4, 13} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			seed := uint64(0)
			for b.Loop() {
				seed++
				result, err := simulation.Run(simulation.Draw(seed, simulation.Range{MinNodes: n, MaxNodes: n}), simulation.Options{})
				require.NoError(b, err)
				require.Empty(b, result.Violations)
			}
		})
	}
}
