package experiment

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/nymapi/simulate/availability"
)

// everyFailure adds the probabilities of all combinations of hosters and members that are up or
// down in which fewer than n-f members are up.
func everyFailure(n, hosters, need int) float64 {
	each, sum := math.Sqrt(up), 0.0
	for state := range uint(1) << (n + hosters) {
		p, running := 1.0, 0
		for k := range n + hosters {
			if state>>k&1 == 1 {
				p *= each
			} else {
				p *= 1 - each
			}
		}
		for i := range n {
			running += int(state >> i & 1 & (state >> (n + i%hosters)))
		}
		if running < need {
			sum += p
		}
	}
	return sum
}

func TestEpochsLostWithHostersAreTheSumOverAllFailures(t *testing.T) {
	for n := 1; n <= 10; n++ {
		for _, hosters := range []int{1, 2, 3, 5} {
			for _, need := range []int{1, quorum.Correct(n)} {
				require.InDelta(t, everyFailure(n, hosters, need), lostWithHosters(n, hosters, need), 1e-12, "n = %d, hosters %d", n, hosters)
			}
		}
	}
}

func TestAHosterForEachIsAsGoodAsIndependentFailures(t *testing.T) {
	share, err := availability.ParseShare("0.99")
	require.NoError(t, err)
	for n := 1; n <= 12; n++ {
		lost, _ := availability.Lost(n, share).Float64()
		require.InEpsilon(t, lost, lostWithHosters(n, n, quorum.Correct(n)), 1e-6, "n = %d", n)
	}
}

// TestThreeHostersLoseEpochsAtAnyNumber: one of them always has more than f members.
func TestThreeHostersLoseEpochsAtAnyNumber(t *testing.T) {
	one := 1 - math.Sqrt(0.99)
	for _, n := range numbers {
		if n >= 3 {
			require.Greater(t, lostWithHosters(n, 3, quorum.Correct(n)), one, "n = %d", n)
		}
	}
	require.Less(t, lostWithHosters(10, 5, 7), one/10)
}

func TestSizesByHand(t *testing.T) {
	require.Equal(t, 2*3+4*3, checks(4))
	require.Equal(t, 2*9+10*7, checks(10))
	c := Base("number", Honest)
	size, err := sizeOf(c)
	require.NoError(t, err)
	require.Equal(t, 10.0*9*4, size.Packets)
	require.Greater(t, size.Bytes, 9.0*6000, "a report of 743 mixnodes to nine others")
	c.N, c.Packets = 20, 7
	double, err := sizeOf(c)
	require.NoError(t, err)
	require.Equal(t, 20.0*7*4, double.Packets)
	require.Greater(t, double.Bytes, 2*size.Bytes)
}

// TestMoreProbesAndMoreNymAPIsAreToldApart has one Nym-API with all packets, which is as accurate
// as the mean of many and helpless when it lies.
func TestMoreProbesAndMoreNymAPIsAreToldApart(t *testing.T) {
	figures := map[string]map[string]Figures{}
	for _, c := range numberCells() {
		if c.N != 1 && c.N != 10 || c.Liars == 1 && c.N == 10 {
			continue
		}
		outcomes, err := alone(playNumber)(c, 1)
		require.NoError(t, err)
		byWay := map[string]Figures{}
		for _, o := range outcomes {
			require.NotContains(t, byWay, o.Way)
			byWay[o.Way] = o.Figures
		}
		figures[fmt.Sprint(c.Level, c.N, c.Liars)] = byWay
	}
	require.Len(t, figures, 8)
	one, ten := figures[fmt.Sprint("total", 1, 0)]["median"], figures[fmt.Sprint("total", 10, 0)]["mean"]
	require.InEpsilon(t, one.RMSE, ten.RMSE, 0.25)
	require.Greater(t, figures[fmt.Sprint("each", 1, 0)]["median"].RMSE, 2*figures[fmt.Sprint("each", 10, 0)]["mean"].RMSE)
	require.Greater(t, figures[fmt.Sprint("total", 1, 1)]["median"].RMSE, 80.0)
	require.Less(t, figures[fmt.Sprint("total", 10, 3)]["median"].RMSE, 5.0)
	require.InDelta(t, figures[fmt.Sprint("total", 1, 0)]["median"].Size.Packets, figures[fmt.Sprint("total", 10, 0)]["median"].Size.Packets, 1)
	require.True(t, math.IsNaN(figures[fmt.Sprint("total", 10, 0)]["single-1"].Size.Bytes))
	require.InDelta(t, 0.01, figures[fmt.Sprint("total", 10, 0)]["single-1"].Size.Lost, 1e-12)
}
