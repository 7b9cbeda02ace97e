package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/worth"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
)

// steer returns the shifts of an estimator by a choice for one epoch's reports.
func steer(t require.TestingT, level, estimator string, rows ...[]metrics.Uptime) Steering {
	c := Base("steering", Honest)
	c.N, c.Mixnodes = len(rows), len(rows[0])
	o := observe.Observations{Mixnodes: c.Mixnodes, Values: [][][]metrics.Uptime{rows}, Truth: [][]float64{make([]float64, c.Mixnodes)}}
	for _, choice := range choices() {
		if choice.level != level {
			continue
		}
		for _, outcome := range c.steer(choice, o) {
			if outcome.Way == estimator {
				return *outcome.Steering
			}
		}
	}
	require.Fail(t, "no such choice or estimator")
	return Steering{}
}

func TestChoicesHaveTheirNumberOfBlocks(t *testing.T) {
	for n, want := range map[int]map[string]int{
		4:  {"last": 2, "withhold": 2, "most-reports": 2, "winner": 1 + 4},
		7:  {"last": 2, "withhold": 4, "most-reports": 4 + 5, "winner": 1 + 7 + 21},
		10: {"last": 2, "withhold": 8, "most-reports": 8 + 7 + 21 + 3*7, "winner": 1 + 10 + 45 + 120},
	} {
		for _, choice := range choices() {
			blocks := choice.blocks(n, quorum.Faulty(n))
			require.Len(t, blocks, want[choice.level], "n = %d, %s", n, choice.level)
			require.NotContains(t, blocks[0], false, "first the block with all reports")
			for _, block := range blocks {
				reports := 0
				for _, in := range block {
					if in {
						reports++
					}
				}
				require.GreaterOrEqual(t, reports, quorum.Correct(n))
			}
		}
	}
}

// TestShiftsByHand has reports whose mean is 90, and 93.33 without the first or 86.67 without the
// last, and in the second mixnode no difference.
func TestShiftsByHand(t *testing.T) {
	rows := [][]metrics.Uptime{{8000, 5000}, {9000, 5000}, {9000, 5000}, {10000, 5000}}
	require.Equal(t, Steering{}, steer(t, "last", "median", rows...))
	s := steer(t, "last", "mean", rows...)
	require.InDelta(t, 3.33, s.Worst, 1e-9)
	require.InDelta(t, 3.33/2, s.One, 1e-9)
	require.InDelta(t, 3.33/100*worth.Pay(1), s.Total, 1e-9)
	rows[0], rows[1] = rows[1], rows[0]
	require.Equal(t, Steering{}, steer(t, "last", "mean", rows...))
	require.InDelta(t, 3.33, steer(t, "winner", "mean", rows...).Worst, 1e-9)
}

func TestAMixnodeThatNoLongerHasAScoreLosesAll(t *testing.T) {
	missing := metrics.Missing
	s := steer(t, "last", "median", []metrics.Uptime{9000}, []metrics.Uptime{9000}, []metrics.Uptime{9000}, []metrics.Uptime{missing})
	require.Equal(t, 90.0, s.Worst)
}

func TestAStrongerChoiceShiftsAtLeastAsMuch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{4, 7}).Draw(t, "n")
		rows := make([][]metrics.Uptime, n)
		for i := range rows {
			rows[i] = rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 10), func(v int) metrics.Uptime { return metrics.Uptime(v) * 1000 }), 3, 3).Draw(t, "row")
		}
		for _, estimator := range []string{"median", "mean", "mad", "wmedian"} {
			var weaker Steering
			for _, choice := range choices() {
				s := steer(t, choice.level, estimator, rows...)
				require.GreaterOrEqual(t, s.One, weaker.One)
				require.GreaterOrEqual(t, s.Worst, weaker.Worst)
				require.GreaterOrEqual(t, s.Total, weaker.Total)
				weaker = s
			}
		}
	})
}

// TestThePerformanceContractHasNoBlocks: its members hold back their own reports and no others.
func TestThePerformanceContractHasNoBlocks(t *testing.T) {
	for _, choice := range choices() {
		ways := choice.ways(Base("steering", Honest))
		last := ways[len(ways)-1].way.Name()
		require.Equal(t, choice.level == "last" || choice.level == "withhold", last == "performance", choice.level)
	}
}

func TestSteeringNeedsAChoice(t *testing.T) {
	_, err := alone(playSteering)(Base("steering", Honest).with(choiceFactor, "nobody"), 1)
	require.ErrorContains(t, err, "unknown choice")
	c := steeringCells()[0]
	c.Epochs = 2
	outcomes, err := alone(playSteering)(c, 1)
	require.NoError(t, err)
	for _, o := range outcomes {
		require.Positive(t, o.Steering.Total, o.Way)
		require.Positive(t, o.RMSE)
	}
}
