package compare

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// truthTable returns a truth with these values in points. NaN is unknown, and so is what is not
// there.
func truthTable(rows ...[]float64) truth {
	return func(mixnode, epoch int) (float64, bool) {
		if epoch > len(rows) {
			return 0, false
		}
		right := rows[epoch-1][mixnode]
		return right, !math.IsNaN(right)
	}
}

// paying returns payments of these values; negative ones are carried from epoch 1.
func paying(rows ...[]metrics.Uptime) payments {
	paid := make(payments, len(rows))
	for i, row := range rows {
		for _, value := range row {
			reward := contract.Reward{Value: value}
			if value < 0 && value != metrics.Missing {
				reward.Value, reward.CarriedFrom = -value, 1
			}
			paid[i] = append(paid[i], reward)
		}
	}
	return paid
}

// scored is a plan with three mixnodes and this truth.
func scored(rows ...[]float64) *Plan {
	return &Plan{input: board{names: []metrics.MixID{"a", "b", "c"}, right: rows}}
}

func TestScoresAreThoseComputedByHand(t *testing.T) {
	p := scored([]float64{90, 50, 0}, []float64{80, math.NaN(), 20}, []float64{1, 2, 3})
	paid := paying(
		[]metrics.Uptime{9300, 4600, 0},                // +3, -4, 0
		[]metrics.Uptime{metrics.Missing, 7000, -1000}, // nothing of 80, not known, 10 carried: -10
		nil, // missed: nothing of 1, 2, 3
	)
	others := paying([]metrics.Uptime{1, metrics.Missing, 1}, []metrics.Uptime{1, 1, 1}, []metrics.Uptime{1, 1, 1})
	common := paidByAll(3, []payments{paid, others})
	require.Equal(t, 4, common.size())
	q := p.quality(paid, common)
	require.Equal(t, []int{9, 4, 1, 4}, []int{q.Cells, q.Fresh, q.Carried, q.Unpaid})
	require.InDelta(t, math.Sqrt((9+16+0+100)/4.0), *q.RMSE, 1e-12)
	require.InDelta(t, math.Sqrt((9+16+0)/3.0), *q.RMSEFresh, 1e-12)
	require.InDelta(t, math.Sqrt((9+0+100)/3.0), *q.RMSECommon, 1e-12, "without b of epoch 1, and b of epoch 2 is not known")
	require.InDelta(t, -11/4.0, *q.Bias, 1e-12)
	require.InDelta(t, 10, *q.MaxError, 1e-12)
	require.InDelta(t, 3/8.0, *q.Overpaid, 1e-12, "of 8 cells with a truth")
	require.InDelta(t, (4+80+10+1+2+3)/8.0, *q.Underpaid, 1e-12)
	require.InDelta(t, math.Sqrt((4+25+1+121)/4.0), *q.RMSEOther, 1e-12, "one point more")
	require.InDelta(t, -15/4.0, *q.BiasOther, 1e-12)
}

func TestNothingToScoreHasNoFigures(t *testing.T) {
	q := scored([]float64{1, 2, 3}, []float64{1, 2, 3}).quality(payments{nil, nil}, nil)
	require.Equal(t, []int{6, 0, 0, 6}, []int{q.Cells, q.Fresh, q.Carried, q.Unpaid})
	for _, figure := range []*float64{q.RMSE, q.RMSEFresh, q.RMSECommon, q.Bias, q.MaxError, q.RMSEOther, q.BiasOther} {
		require.Nil(t, figure)
	}
	require.Zero(t, *q.Overpaid)
	require.InDelta(t, 2, *q.Underpaid, 1e-12, "all is lost")
	none := Plan{input: unknown{board{names: []metrics.MixID{"a"}}}}
	q = none.quality(paying([]metrics.Uptime{5000}), nil)
	require.Equal(t, 1, q.Fresh)
	require.Nil(t, q.RMSE)
	require.Nil(t, q.Underpaid)
}

// Modes may have settled different numbers of epochs when a run is interrupted.
func TestCommonCellsArePaidByAll(t *testing.T) {
	long := paying([]metrics.Uptime{1, 2}, []metrics.Uptime{1, metrics.Missing}, []metrics.Uptime{1, 2})
	short := paying([]metrics.Uptime{1, metrics.Missing}, []metrics.Uptime{-2, 2})
	for _, all := range [][]payments{{long, short}, {short, long}} {
		common := paidByAll(2, all)
		require.Equal(t, 2, common.size())
		require.True(t, common.has(0, 1))
		require.True(t, common.has(0, 2), "carried is paid")
		require.False(t, common.has(0, 3))
	}
	require.Zero(t, paidByAll(2, nil).size())
}

func TestTheMiddleIsThatOfTheFigures(t *testing.T) {
	one, three := 1.0, 3.0
	a, b, c := Quality{Cells: 4, Fresh: 2, RMSE: &one}, Quality{Cells: 4, Fresh: 4, RMSE: &three}, Quality{Cells: 9}
	require.Equal(t, b, middle([]Quality{a, b, c}))
	m := middle([]Quality{a, b})
	require.Equal(t, []int{4, 3}, []int{m.Cells, m.Fresh})
	require.InDelta(t, 2, *m.RMSE, 1e-12)
	require.Nil(t, m.Bias)
}

func TestPercentile(t *testing.T) {
	times := []int64{50, 10, 40, 20, 30}
	require.EqualValues(t, 30, *percentile(times, 0.5))
	require.EqualValues(t, 50, *percentile(times, 1))
	require.EqualValues(t, 10, *percentile(times, 0))
	require.EqualValues(t, 20, *percentile([]int64{10, 20, 30, 40}, 0.5))
	require.Nil(t, percentile(nil, 0.5))
	require.Equal(t, []int64{50, 10, 40, 20, 30}, times, "the arguments are not modified")
}
