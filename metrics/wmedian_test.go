package metrics_test

import (
	"cmp"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// drawColumn draws at least 2f+1 weighted values.
func drawColumn(t *rapid.T) (column []metrics.WeightedUptime, f int) {
	f = rapid.IntRange(0, 4).Draw(t, "f")
	weight := rapid.OneOf(rapid.Int64Range(1, 9), rapid.Int64Range(1, metrics.MaxWeight), rapid.Just(int64(metrics.MaxWeight)))
	for range rapid.IntRange(2*f+1, 16).Draw(t, "values") {
		value := metrics.Uptime(rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(0, int(metrics.Full))).Draw(t, "value"))
		column = append(column, metrics.WeightedUptime{Value: value, Weight: weight.Draw(t, "weight")})
	}
	return column, f
}

func split(column []metrics.WeightedUptime) (values []metrics.Uptime, weights []int64) {
	for _, w := range column {
		values, weights = append(values, w.Value), append(weights, w.Weight)
	}
	slices.Sort(values)
	return values, weights
}

// The weighted median by the definition, with fractions: the integral over the middle piece of the
// values laid out one after the other, divided by its length.
func TestWeightedMedianIsTheMeanOfTheMiddlePiece(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		column, f := drawColumn(t)
		_, raw := split(column)
		weights := metrics.CapWeights(raw, f)
		type piece struct {
			value  int64
			weight *big.Rat
		}
		var pieces []piece
		sum := new(big.Rat)
		for i, w := range column {
			p := piece{int64(w.Value), new(big.Rat).SetInt64(weights[i])}
			pieces, sum = append(pieces, p), sum.Add(sum, p.weight)
		}
		slices.SortFunc(pieces, func(a, b piece) int { return cmp.Compare(a.value, b.value) })
		half, length := new(big.Rat).Mul(sum, big.NewRat(1, 2)), new(big.Rat).Mul(sum, big.NewRat(1, int64(len(column))))
		from := new(big.Rat).Sub(half, new(big.Rat).Mul(length, big.NewRat(1, 2)))
		to := new(big.Rat).Add(from, length)
		begin, total := new(big.Rat), new(big.Rat)
		for _, p := range pieces {
			end := new(big.Rat).Add(begin, p.weight)
			overlap := new(big.Rat).Sub(least(end, to), most(begin, from))
			if overlap.Sign() > 0 {
				total.Add(total, overlap.Mul(overlap, new(big.Rat).SetInt64(p.value)))
			}
			begin = end
		}
		mean := total.Quo(total, length)
		mean.Add(mean, big.NewRat(1, 2)) // half up
		want := new(big.Int).Div(mean.Num(), mean.Denom()).Int64()
		require.EqualValues(t, want, metrics.WeightedMedian(column, f))
	})
}

func least(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

func most(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) > 0 {
		return a
	}
	return b
}

// Whatever the history says, f liars hold less than half, and the result lies between two honest
// values.
func TestWeightedMedianStaysAmongHonestValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		column, f := drawColumn(t)
		values, raw := split(column)
		weights := metrics.CapWeights(raw, f)
		var sum int64
		for _, w := range weights {
			sum += w
		}
		require.LessOrEqual(t, int64(metrics.Coverage(f))*slices.Max(weights), sum)
		got := metrics.WeightedMedian(column, f)
		require.GreaterOrEqual(t, got, values[f])
		require.LessOrEqual(t, got, values[len(values)-1-f])

		slices.Reverse(column)
		require.Equal(t, got, metrics.WeightedMedian(column, f), "the order makes a difference")
		for i := range column {
			column[i].Weight = column[0].Weight
		}
		require.Equal(t, metrics.Median(values), metrics.WeightedMedian(column, f), "equal weights")
	})
}

// The cut is the greatest that is allowed.
func TestCapIsTheGreatest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.IntRange(0, 3).Draw(t, "f")
		raw := rapid.SliceOfN(rapid.Int64Range(1, 60), 2*f+1, 12).Draw(t, "weights")
		var want int64
		for c := int64(1); c <= 60; c++ {
			var kept int64
			for _, w := range raw {
				kept += min(w, c)
			}
			if int64(metrics.Coverage(f))*c <= kept {
				want = c
			}
		}
		for i, w := range metrics.CapWeights(raw, f) {
			require.Equal(t, min(raw[i], want), w)
		}
		require.Nil(t, metrics.CapWeights(raw[:2*f], f))
	})
}

// The largest sums fit: as many reporters as a matrix may have, with the greatest weights.
func TestWeightsDoNotOverflow(t *testing.T) {
	column := make([]metrics.WeightedUptime, metrics.MaxRows)
	for i := range column {
		column[i] = metrics.WeightedUptime{Value: metrics.Full, Weight: metrics.MaxWeight}
	}
	require.Equal(t, metrics.Full, metrics.WeightedMedian(column, (metrics.MaxRows-1)/3))
	require.Equal(t, metrics.Missing, metrics.WeightedMedian(nil, 0))
}

// drawMatrix draws a matrix with gaps.
func drawMatrix(t *rapid.T) metrics.Matrix {
	mixnodes := []metrics.MixID{"a", "b", "c"}
	var rows []metrics.Row
	for i := range rapid.IntRange(1, 7).Draw(t, "rows") {
		values := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) metrics.Uptime {
			return metrics.Uptime(rapid.IntRange(-1, int(metrics.Full)).Draw(t, "value"))
		}), len(mixnodes), len(mixnodes)).Draw(t, "values")
		rows = append(rows, metrics.Row{Reporter: string(rune('p' + i)), Values: values})
	}
	m, err := metrics.NewMatrix(mixnodes, rows)
	require.NoError(t, err)
	return m
}

// A history stays in its range, keeps whom a matrix does not name, and is never modified.
func TestHistoryIsFolded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.IntRange(-1, 3).Draw(t, "f")
		history := metrics.History{"absent": 77, "p": rapid.Int64Range(0, metrics.MaxDeviation).Draw(t, "deviation")}
		before := metrics.History{"absent": 77, "p": history["p"]}
		m := drawMatrix(t)
		folded := history.Fold(m, f)
		require.Equal(t, before, history)
		require.EqualValues(t, 77, folded["absent"])
		for _, v := range folded {
			require.GreaterOrEqual(t, v, int64(0))
			require.LessOrEqual(t, v, metrics.MaxDeviation)
		}
		for _, w := range folded.Weigh(m, f).Raw {
			require.Positive(t, w)
			require.LessOrEqual(t, w, int64(metrics.MaxWeight))
		}
	})
}

// Without a history wmedian is the median, also in columns with few values.
func TestWeightedByHistoryIsTheMedianAtFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, f := drawMatrix(t), rapid.IntRange(-1, 3).Draw(t, "f")
		plain, err := metrics.ParseEstimator("median")
		require.NoError(t, err)
		coverage := rapid.IntRange(0, 5).Draw(t, "coverage")
		require.Equal(t,
			metrics.Rule{Estimator: plain, F: f, Coverage: coverage}.Apply(m),
			metrics.Rule{Estimator: metrics.WeightedByHistory(), F: f, Coverage: coverage}.Apply(m))
	})
}

// A reporter that was far from the others for some epochs hardly counts, and is forgiven in time.
func TestReportersThatLieLoseWeight(t *testing.T) {
	mixnodes := []metrics.MixID{"a", "b"}
	epoch := func(last metrics.Uptime) metrics.Matrix {
		m, err := metrics.NewMatrix(mixnodes, []metrics.Row{
			{Reporter: "1", Values: []metrics.Uptime{9000, 9100}},
			{Reporter: "2", Values: []metrics.Uptime{9040, 9140}},
			{Reporter: "3", Values: []metrics.Uptime{9080, 9180}},
			{Reporter: "4", Values: []metrics.Uptime{last, last}},
		})
		require.NoError(t, err)
		return m
	}
	rule := metrics.Rule{Estimator: metrics.WeightedByHistory(), F: 1, Coverage: 3}
	honest := rule.Apply(epoch(9040)).Values[0]
	for range 10 {
		rule.History = rule.History.Fold(epoch(0), 1)
	}
	weights := rule.History.Weigh(epoch(0), 1).Raw
	require.Less(t, 100*weights[3], weights[0])
	require.InDelta(t, int(honest), int(rule.Apply(epoch(0)).Values[0]), 5)
	for range 100 {
		rule.History = rule.History.Fold(epoch(9040), 1)
	}
	weights = rule.History.Weigh(epoch(9040), 1).Raw
	require.Equal(t, weights[0], weights[3])
}
