package draw

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The tests have fixed seeds. Their tolerances are about four standard deviations.

const unit = 1 << 20 // of exponential draws

func TestExponentialDrawsHaveTheirMomentsAndTail(t *testing.T) {
	const n = 400_000
	sum, squares := 0.0, 0.0
	beyond := [4]int{}
	for i := range uint64(n) {
		x := float64(State(7).With(i).Exponential()) / unit
		sum, squares = sum+x, squares+x*x
		for k := range beyond {
			if x > float64(k) {
				beyond[k]++
			}
		}
	}
	require.InDelta(t, 1, sum/n, 4/math.Sqrt(n))
	require.InDelta(t, 2, squares/n, 4*math.Sqrt(20./n))
	for k, count := range beyond {
		require.InDelta(t, math.Exp(-float64(k)), float64(count)/n, 4*math.Sqrt(.25/n))
	}
	require.EqualValues(t, 0, State(math.MaxUint64).Exponential())
	require.InDelta(t, 64*math.Ln2, float64(State(0).Exponential())/unit, 1e-3)
}

func TestLog2EqualsTheMathematicalOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Uint64Min(1).Draw(t, "x")
		require.InDelta(t, math.Log2(float64(x)), float64(log2(x))/One, 1e-8)
	})
	for position := range 64 {
		require.Equal(t, uint64(position)<<32, log2(1<<position))
	}
}
