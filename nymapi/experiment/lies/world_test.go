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

// inWorld returns a group with f liars in a simulated world, in which values of a share are
// missing.
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

// TestMyopicIsNearTheWorstInAWorld compares the search with all values that f liars could report in
// unison, for the rule for which it is not exact.
func TestMyopicIsNearTheWorstInAWorld(t *testing.T) {
	mad, err := metrics.ParseEstimator("mad")
	require.NoError(t, err)
	for _, n := range []int{4, 7, 10, 13, 17} {
		s, o := inWorld(t, n, 1, 0, mad)
		rows := clone(o.Values[0])
		a := newMyopic(s).attack(1, rows)
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

// counting is a way that counts how often it is asked.
type counting struct {
	payout.Way
	scores *int
}

func (c counting) Score(r payout.Reports) []metrics.Uptime {
	*c.scores++
	return c.Way.Score(r)
}

// TestSearchesAreBounded checks what an epoch of the adaptive lies costs at most, in scores of 240
// mixnodes. The experiment has time for about a hundred.
func TestSearchesAreBounded(t *testing.T) {
	for _, tt := range []struct {
		lie, rule string
		most      int
	}{
		{"myopic", "median", 4},
		{"myopic", "mad", 10},
		{"best", "median", 4},
		{"winner", "median", 64},
		{"winner", "mad", 110},
	} {
		e, err := metrics.ParseEstimator(tt.rule)
		require.NoError(t, err)
		s, o := inWorld(t, 10, 1, 0.1, e)
		scores := 0
		s.Judge = counting{s.Judge, &scores}
		begin(t, tt.lie, s).Report(1, clone(o.Values[0]))
		require.LessOrEqual(t, scores, tt.most, "%s against %s", tt.lie, tt.rule)
	}
}

func BenchmarkReport(b *testing.B) {
	for _, e := range []string{"median", "mad", "wmedian"} {
		rule, err := metrics.ParseEstimator(e)
		require.NoError(b, err)
		s, o := inWorld(b, 10, 1, 0.1, rule)
		for _, lie := range All() {
			if !lie.Adaptive && e != "median" {
				continue
			}
			b.Run(lie.Name+"/"+e, func(b *testing.B) {
				liars, rows, epoch := lie.Begin(s), clone(o.Values[0]), 0
				for b.Loop() {
					epoch++
					liars.Report(epoch, rows)
				}
			})
		}
	}
}
