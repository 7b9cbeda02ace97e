package compare

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// truthTable returns a truth with these values in points. NaN is unknown.
func truthTable(rows ...[]float64) truth {
	return func(mixnode, epoch int) (float64, bool) {
		right := rows[epoch-1][mixnode]
		return right, !math.IsNaN(right)
	}
}

func TestScoresAreThoseComputedByHand(t *testing.T) {
	right := truthTable([]float64{90, 50, 0}, []float64{80, math.NaN(), 20}, []float64{1, 2, 3})
	paid := payments{
		{9300, 4600, 0}, // +3, -4, 0
		{metrics.Missing, 7000, metrics.Uptime(0)}, // not paid, not known, -20
		nil, // missed
	}
	s := paid.score(right)
	require.Equal(t, 4, s.cells)
	require.InDelta(t, math.Sqrt((9+16+0+400)/4.0), *s.rmse(), 1e-12)
	require.InDelta(t, -21/4.0, *s.bias(), 1e-12)
	require.InDelta(t, 20, *s.maxError(), 1e-12)
}

func TestNothingToScoreHasNoFigures(t *testing.T) {
	s := payments{nil, nil}.score(truthTable([]float64{1}, []float64{1}))
	require.Zero(t, s.cells)
	require.Nil(t, s.rmse())
	require.Nil(t, s.bias())
	require.Nil(t, s.maxError())
}

func TestSpreadAndPercentile(t *testing.T) {
	least, median, most := spread([]float64{4, 1, 3, 2})
	require.Equal(t, []float64{1, 2.5, 4}, []float64{*least, *median, *most})
	least, median, most = spread([]float64{7})
	require.Equal(t, []float64{7, 7, 7}, []float64{*least, *median, *most})
	least, median, most = spread(nil)
	require.Nil(t, least)
	require.Nil(t, median)
	require.Nil(t, most)

	times := []int64{50, 10, 40, 20, 30}
	require.EqualValues(t, 30, *percentile(times, 0.5))
	require.EqualValues(t, 50, *percentile(times, 1))
	require.EqualValues(t, 10, *percentile(times, 0))
	require.EqualValues(t, 20, *percentile([]int64{10, 20, 30, 40}, 0.5))
	require.Nil(t, percentile(nil, 0.5))
	require.Equal(t, []int64{50, 10, 40, 20, 30}, times, "the arguments are not modified")
}
