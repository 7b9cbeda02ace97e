package experiment

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/worth"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// TestScoreOfPaymentsByHand scores an epoch with one cell too high, one that is carried and too
// low, one unpaid and one whose truth is unknown, and a missed epoch.
func TestScoreOfPaymentsByHand(t *testing.T) {
	paid := [][]payout.Payment{{{Value: 9300}, {Value: 8600, Age: 1}, {Value: metrics.Missing}, {Value: 5000}}, nil}
	truth := [][]float64{{90, 90, 80, math.NaN()}, {10, 10, 10, math.NaN()}}
	f := Score(paid, truth)
	require.Equal(t, []int{8, 1, 2, 1, 5}, []int{f.Cells, f.Missed, f.Fresh, f.Carried, f.Unpaid})
	require.InDelta(t, math.Sqrt((9+16)/2.), f.RMSE, 1e-9)
	require.InDelta(t, -.5, f.Bias, 1e-9)
	require.InDelta(t, 4, f.Worst, 1e-9)
	require.InDelta(t, 3/6., f.Overpaid, 1e-9)
	require.InDelta(t, (4+80+30)/6., f.Underpaid, 1e-9)
	require.InDelta(t, (3+4+80+30)/100.*worth.Pay(1)/2, f.Mispaid, 1e-9)
}
