package intervals

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// dataSets is how many samples a coverage is measured with: its standard error is half a percent.
const dataSets = 2000

// coverage returns how often an interval contains the mean 0 of what draw draws.
func coverage(of func([]float64) Interval, size int, draw func(*rand.Rand, []float64)) float64 {
	random, covered, values := rand.New(rand.NewPCG(3, 4)), 0, make([]float64, size)
	for range dataSets {
		draw(random, values)
		if of(values).Contains(0) {
			covered++
		}
	}
	return float64(covered) / dataSets
}

func normal(random *rand.Rand, values []float64) {
	for i := range values {
		values[i] = random.NormFloat64()
	}
}

func exponential(random *rand.Rand, values []float64) {
	for i := range values {
		values[i] = random.ExpFloat64() - 1
	}
}

// autoregressive draws a series in which each value has that correlation with the one before.
func autoregressive(correlation float64) func(*rand.Rand, []float64) {
	return func(random *rand.Rand, values []float64) {
		last := random.NormFloat64() / math.Sqrt(1-correlation*correlation)
		for i := range values {
			last = correlation*last + random.NormFloat64()
			values[i] = last
		}
	}
}

func TestIntervalsOfNormalSamplesCoverNineteenOfTwenty(t *testing.T) {
	for _, size := range []int{10, 20} {
		share := coverage(New(size).Interval, size, normal)
		t.Logf("%d values: %.3f", size, share)
		require.True(t, share >= 0.93 && share <= 0.97, "%d values: %.3f", size, share)
	}
}

// TestIntervalsOfSkewedOrFewValuesCoverLess measures the limits of the method.
func TestIntervalsOfSkewedOrFewValuesCoverLess(t *testing.T) {
	require.InDelta(t, 0.92, coverage(New(leastValues).Interval, leastValues, normal), 0.02)
	for size, least := range map[int]float64{10: 0.90, 20: 0.91} {
		share := coverage(New(size).Interval, size, exponential)
		t.Logf("%d exponential values: %.3f", size, share)
		require.True(t, share >= least && share <= 0.97, "%d values: %.3f", size, share)
	}
}

func TestBlocksCoverSeriesWhoseNeighboursDepend(t *testing.T) {
	for _, tt := range []struct {
		size        int
		correlation float64
		least       float64
	}{{43, 0, 0.93}, {43, 0.2, 0.92}, {43, 0.4, 0.89}, {200, 0.4, 0.93}} {
		length := BlockLength(tt.size)
		blocks := func(v []float64) Interval { return Blocks(v, length) }
		share := coverage(blocks, tt.size, autoregressive(tt.correlation))
		t.Logf("%d values, correlation %.1f, blocks of %d: %.3f", tt.size, tt.correlation, length, share)
		require.True(t, share >= tt.least && share <= 0.97, "%d values, correlation %.1f: %.3f", tt.size, tt.correlation, share)
	}
	share := coverage(New(43).Interval, 43, autoregressive(0.4))
	require.Less(t, share, 0.85, "without blocks the dependence is ignored")
}

func TestPIsBelowAThresholdAsOftenAsItSays(t *testing.T) {
	random, below, values := rand.New(rand.NewPCG(5, 6)), 0, make([]float64, 10)
	for range dataSets {
		normal(random, values)
		if P(values) < 0.05 {
			below++
		}
	}
	require.InDelta(t, 0.05, float64(below)/dataSets, 0.02)
}

// TestPIsThatOfATable compares with a textbook: t = 2.262 is the 97.5 % quantile for 9 degrees of
// freedom.
func TestPIsThatOfATable(t *testing.T) {
	values := []float64{-1.5, -1.5, -1.5, -1.5, -1.5, 1.5, 1.5, 1.5, 1.5, 1.5}
	shift := 2.262157 * 0.5 // the standard error is 0.5
	for i := range values {
		values[i] += shift
	}
	require.InDelta(t, 0.05, P(values), 1e-6)
	require.InDelta(t, 1.0, P([]float64{1, -1}), 1e-12)
	require.Zero(t, P([]float64{2, 2}))
	require.EqualValues(t, 1, P([]float64{2}))
	require.EqualValues(t, 1, P([]float64{0, 0}))
	require.True(t, math.IsNaN(P([]float64{1, math.NaN()})))
}

func TestIntervalsMoveAndScaleWithTheValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-100, 100), leastValues, 12).Draw(t, "values")
		shift, factor := rapid.Float64Range(-100, 100).Draw(t, "shift"), rapid.Float64Range(0.1, 10).Draw(t, "factor")
		b := New(len(values))
		first := b.Interval(values)
		moved := slices.Clone(values)
		for i := range moved {
			moved[i] = shift + factor*moved[i]
		}
		second := b.Interval(moved)
		require.InDelta(t, shift+factor*first.Low, second.Low, 1e-6)
		require.InDelta(t, shift+factor*first.High, second.High, 1e-6)
		require.True(t, first.Contains(first.Mean))
	})
}

func TestIntervalsOfTooLittleSaySo(t *testing.T) {
	few := New(4).Interval([]float64{3, 4, 4, 5})
	require.EqualValues(t, 4, few.Mean)
	require.True(t, math.IsInf(few.Low, -1) && math.IsInf(few.High, 1))
	require.True(t, math.IsNaN(New(2).Interval([]float64{3, math.NaN()}).Low))
	require.True(t, math.IsNaN(New(0).Interval(nil).Mean))
	require.Equal(t, Interval{4, 4, 4}, New(5).Interval([]float64{4, 4, 4, 4, 4}))
	require.True(t, math.IsInf(Blocks([]float64{1, 2, 3}, 2).High, 1))
	require.Panics(t, func() { New(2).Interval([]float64{1}) })
}

func TestEndsAreThoseOfSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-9, 9), 1, 40).Draw(t, "values")
		size := rapid.IntRange(1, len(values)).Draw(t, "size")
		e := newEnds(size)
		for _, v := range values {
			e.add(v)
		}
		slices.Sort(values)
		require.Equal(t, values[size-1], e.low())
		require.Equal(t, values[len(values)-size], e.high())
	})
}

// TestHolmIsThatOfItsPaper compares with the definition: the k-th smallest of m p-values is
// multiplied by m-k+1, and is never below one before it.
func TestHolmIsThatOfItsPaper(t *testing.T) {
	nan := math.NaN()
	require.InDeltaSlice(t, []float64{0.03, 0.06, 0.06, 0.02}, Holm([]float64{0.01, 0.04, 0.03, 0.005}), 1e-12)
	require.Equal(t, []float64{1, 1}, Holm([]float64{0.7, 0.9}))
	adjusted := Holm([]float64{nan, 0.02, 0.5})
	require.True(t, math.IsNaN(adjusted[0]))
	require.Equal(t, []float64{0.04, 0.5}, adjusted[1:], "NaN is not counted")
	require.Empty(t, Holm(nil))
}

func TestBlockLengthIsTheCubeRoot(t *testing.T) {
	for size, length := range map[int]int{0: 1, 1: 1, 8: 2, 9: 3, 27: 3, 43: 4, 100: 5} {
		require.Equal(t, length, BlockLength(size))
	}
}

func BenchmarkInterval(b *testing.B) {
	values, bootstrap := make([]float64, 20), New(20)
	normal(rand.New(rand.NewPCG(1, 1)), values)
	for b.Loop() {
		bootstrap.Interval(values)
	}
}
