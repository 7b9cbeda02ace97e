package simulate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// No Nym-API ever meets the rate of its chain: a day with the shipped rates is event by event the
// day without any, also if its epochs last for ten seconds.
func TestNoDayIsSlowedByTheRatesOfChains(t *testing.T) {
	for _, s := range []scenario{
		{seed: 1, nodes: 4, mixnodes: 500, epochs: 12, duration: 3_600_000},
		{seed: 2, nodes: 10, mixnodes: 500, epochs: 6, duration: 10_000},
		{seed: 3, nodes: 31, mixnodes: 500, epochs: 2, duration: 10_000},
	} {
		s.accept = acceptEpochs * s.duration
		var err error
		s.estimator, err = metrics.ParseEstimator("median")
		require.NoError(t, err)
		run := func(bound bool) simulation.Result {
			env, err := newEnvironment(s)
			require.NoError(t, err)
			options := env.options(func() bool { return false })
			schedule := s.schedule(Latency{Model: simulation.WAN}, time.Second)
			if bound {
				bounds, err := limits.For(limits.Config{Members: s.nodes, Group: options.Limits})
				require.NoError(t, err)
				schedule.Rate, schedule.Burst = int64(bounds.Chain.BytesPerSecond), int64(bounds.Chain.BytesBurst)
			}
			result, err := simulation.Run(schedule, options)
			require.NoError(t, err)
			require.Empty(t, result.Violations)
			for _, o := range env.contract.outcomes {
				require.True(t, o.Rewarded)
			}
			return result
		}
		free, bound := run(false), run(true)
		require.Zero(t, bound.Stats.Postponed)
		require.Equal(t, free.Hash, bound.Hash)
	}
}
