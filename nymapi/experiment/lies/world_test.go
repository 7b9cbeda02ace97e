package lies

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// mixnodesInWorld is as many as in most cells of the experiment.
const mixnodesInWorld = 240

// inWorld returns a group with f liars in a simulated world, in which values of a share are missing.
func inWorld(t testing.TB, n, epochs int, gaps float64, e metrics.Estimator) (Scene, observe.Observations) {
	t.Helper()
	o, err := observe.World{Seed: 3, Observers: n, Mixnodes: mixnodesInWorld, Epochs: epochs, Ticks: 4}.Observe()
	require.NoError(t, err)
	s := Scene{Draw: 1, N: n, F: quorum.Faulty(n), Mixnodes: mixnodesInWorld, Judge: payout.Group(n, e)}
	for i := range s.F {
		s.Liars = append(s.Liars, i)
	}
	return s, observe.Gaps(gaps)(o, draw.State(1))
}

// TestBestIsNearTheWorstInAWorld compares the search with all values that f liars could report in
// unison, for the rule for which it is not exact.
func TestBestIsNearTheWorstInAWorld(t *testing.T) {
	mad, err := metrics.ParseEstimator("mad")
	require.NoError(t, err)
	for _, n := range []int{4, 7, 10, 13, 17} {
		s, o := inWorld(t, n, 1, 0, mad)
		rows := clone(o.Values[0])
		a := newBest(s).attack(1, rows)
		worst := make([]float64, s.Mixnodes)
		for value := metrics.Uptime(0); value <= metrics.Full; value += 5 {
			s.replace(rows, func(int, int, metrics.Uptime) metrics.Uptime { return value })
			for j, harm := range a.judge(rows) {
				worst[j] = max(worst[j], harm)
			}
		}
		require.GreaterOrEqual(t, a.total, 0.999*sum(worst), "n = %d", n)
	}
}
