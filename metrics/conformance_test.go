package metrics_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// TestEveryEstimatorConforms checks what each estimator must keep to.
func TestEveryEstimatorConforms(t *testing.T) {
	for _, e := range append(metrics.Estimators(), metrics.WeightedByHistory(), estimator(t, "trimmed(1)"), estimator(t, "trimmed(3)")) {
		t.Run(e.Name(), func(t *testing.T) {
			t.Run("name", func(t *testing.T) { conformsName(t, e) })
			t.Run("permutation", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { conformsPermutation(t, e) }) })
			t.Run("range", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { conformsRange(t, e) }) })
			t.Run("lies", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { conformsLies(t, e) }) })
			t.Run("missing", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { conformsMissing(t, e) }) })
			t.Run("integers", func(t *testing.T) { conformsIntegers(t, e) })
			t.Run("cost", func(t *testing.T) { conformsCost(t, e) })
		})
	}
}

// conformsName checks that the name is parsed, listed, and a version is stated.
func conformsName(t *testing.T, e metrics.Estimator) {
	require.Equal(t, e, estimator(t, e.Name()))
	require.Positive(t, e.Version())
	kind, _, _ := strings.Cut(e.Name(), "(")
	require.Contains(t, metrics.EstimatorNames(), kind)
}

// drawSorted draws a column, often with values near each other or the same.
func drawSorted(t *rapid.T, least, most int) []metrics.Uptime {
	near := rapid.IntRange(0, int(metrics.Full)).Draw(t, "near")
	value := rapid.OneOf(
		rapid.IntRange(0, int(metrics.Full)), rapid.Just(near),
		rapid.IntRange(max(0, near-300), min(int(metrics.Full), near+300)),
	)
	column := make([]metrics.Uptime, rapid.IntRange(least, most).Draw(t, "values"))
	for i := range column {
		column[i] = metrics.Uptime(value.Draw(t, "value"))
	}
	slices.Sort(column)
	return column
}

// conformsPermutation checks that the order and the names of rows make no difference.
func conformsPermutation(t *rapid.T, e metrics.Estimator) {
	mixnodes := []metrics.MixID{"m1", "m2", "m3"}
	rows := drawRows(t, rapid.IntRange(1, 13).Draw(t, "n"), len(mixnodes))
	f := rapid.IntRange(0, 4).Draw(t, "f")
	renamed := slices.Clone(rapid.Permutation(rows).Draw(t, "permuted"))
	for i := range renamed {
		renamed[i].Reporter = "x" + strconv.Itoa(i)
	}
	results := make([]metrics.Result, 2)
	for i, rows := range [][]metrics.Row{rows, renamed} {
		m, err := metrics.NewMatrix(mixnodes, rows)
		require.NoError(t, err)
		results[i] = metrics.Apply(m, e, f)
	}
	require.Equal(t, results[0], results[1])
}

// conformsRange checks that an uptime is between the smallest and the largest value, that equal
// values are their own uptime, and that the column is not modified.
func conformsRange(t *rapid.T, e metrics.Estimator) {
	f := rapid.OneOf(rapid.IntRange(0, 6), rapid.Just(math.MaxInt)).Draw(t, "f")
	column := drawSorted(t, 1, 20)
	before := slices.Clone(column)
	got := e.Estimate(column, f)
	require.Equal(t, before, column)
	require.Equal(t, got, e.Estimate(column, f), "the same again")
	require.GreaterOrEqual(t, got, column[0])
	require.LessOrEqual(t, got, column[len(column)-1])
}

// conformsLies checks that up to f lies leave a bounded estimator between two honest values, and
// within the middle ones of the column.
func conformsLies(t *rapid.T, e metrics.Estimator) {
	f := rapid.IntRange(0, 5).Draw(t, "f")
	if !metrics.Bounded(e, f) {
		return
	}
	honest := drawSorted(t, f+1, 3*f+9)
	column := slices.Clone(honest)
	lies := max(2*f+1-len(honest), rapid.IntRange(0, f).Draw(t, "lies"))
	for range lies {
		column = append(column, metrics.Uptime(rapid.IntRange(0, int(metrics.Full)).Draw(t, "lie")))
	}
	slices.Sort(column)
	got := e.Estimate(column, f)
	require.GreaterOrEqual(t, got, honest[0])
	require.LessOrEqual(t, got, honest[len(honest)-1])
	require.GreaterOrEqual(t, got, column[f])
	require.LessOrEqual(t, got, column[len(column)-1-f])
}

// conformsMissing checks that a missing value is as none, and that too few values yield Missing.
func conformsMissing(t *rapid.T, e metrics.Estimator) {
	f := rapid.IntRange(0, 3).Draw(t, "f")
	require.Equal(t, metrics.Missing, e.Estimate(nil, f))
	column := drawSorted(t, 0, 12)
	var rows []metrics.Row
	for i, v := range append(column, slices.Repeat([]metrics.Uptime{metrics.Missing}, 3)...) {
		rows = append(rows, metrics.Row{Reporter: "r" + strconv.Itoa(i), Values: []metrics.Uptime{v}})
	}
	m, err := metrics.NewMatrix([]metrics.MixID{"m"}, rows)
	require.NoError(t, err)
	got := metrics.Apply(m, e, f)
	require.Equal(t, []uint16{uint16(len(column))}, got.Reports)
	if len(column) < metrics.Coverage(f) {
		require.Equal(t, metrics.Missing, got.Values[0])
		return
	}
	require.Equal(t, e.Estimate(column, f), got.Values[0])
}

// conformsIntegers checks the largest columns and sums, and liars of any number.
func conformsIntegers(t *testing.T, e metrics.Estimator) {
	for _, value := range []metrics.Uptime{0, 1, metrics.Full - 1, metrics.Full} {
		for _, count := range []int{1, 2, 10, metrics.MaxRows, 1 << 20} {
			column := slices.Repeat([]metrics.Uptime{value}, count)
			for _, f := range []int{0, 1, (count - 1) / 3, count, math.MaxInt} {
				require.Equal(t, value, e.Estimate(column, f), "%d values, f = %d", count, f)
			}
		}
	}
}

// conformsCost checks that a column of common size needs no memory on the heap, and that the work
// grows about as its length: comparing all pairs of a million values would not end in time.
func conformsCost(t *testing.T, e metrics.Estimator) {
	column := make([]metrics.Uptime, 1<<20)
	for i := range column {
		column[i] = metrics.Uptime(i * int(metrics.Full) / len(column))
	}
	e.Estimate(column, (len(column)-1)/3)
	common := column[:100]
	require.Zero(t, testing.AllocsPerRun(10, func() { e.Estimate(common, 33) }))
}
