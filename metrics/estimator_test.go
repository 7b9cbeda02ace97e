package metrics_test

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// estimator returns the estimator with that name.
func estimator(t testing.TB, name string) metrics.Estimator {
	t.Helper()
	e, err := metrics.ParseEstimator(name)
	require.NoError(t, err)
	return e
}

func TestEstimatorsOnHandMadeColumns(t *testing.T) {
	const missing = metrics.Missing
	tests := []struct {
		name   string
		f      int
		column []metrics.Uptime // ascending
		want   metrics.Uptime
	}{
		{"mean", 0, nil, missing},
		{"mean", 0, []metrics.Uptime{0, 1}, 1}, // half up
		{"mean", 0, []metrics.Uptime{0, 0, 1}, 0},
		{"mean", 1, []metrics.Uptime{0, 9000, 9000, 9000}, 6750},
		{"median", 0, nil, missing},
		{"median", 0, []metrics.Uptime{9999, 10000}, 10000},
		{"median", 1, []metrics.Uptime{0, 9000, 10000}, 9000},
		{"median", 1, []metrics.Uptime{0, 9000, 9100, 10000}, 9050},
		{"lowmedian", 0, nil, missing},
		{"lowmedian", 1, []metrics.Uptime{0, 9000, 9100, 10000}, 9000},
		{"lowmedian", 1, []metrics.Uptime{0, 9000, 10000}, 9000},
		{"trimmed", 0, nil, missing},
		{"trimmed", 0, []metrics.Uptime{0, 100, 200}, 100},
		{"trimmed", 1, []metrics.Uptime{0, 9000, 9101, 10000}, 9051},
		{"trimmed", 2, []metrics.Uptime{0, 9000, 9100, 10000}, 9050}, // too few: the median
		{"trimmed", math.MaxInt, []metrics.Uptime{0, 9000, 9100}, 9000},
		{"trimmed(1)", 0, []metrics.Uptime{0, 100, 500, 10000}, 300},
		{"mad", 0, nil, missing},
		{"mad", 1, nil, missing},
		{"mad", math.MaxInt, []metrics.Uptime{0, 9000, 9100}, 9000},
		// MAD 0, so the bound is 6 points: 9400 stays, 9399 goes.
		{"mad", 0, []metrics.Uptime{9400, 10000, 10000, 10000}, 9850},
		{"mad", 0, []metrics.Uptime{9399, 10000, 10000, 10000}, 10000},
		// One of them may be a lie, so the result is at least the second smallest value.
		{"mad", 1, []metrics.Uptime{9400, 10000, 10000, 10000}, 10000},
		// Median 5000, MAD 1000, bound 3 x 1482.6 = 4447.8: 552 is 4448 away, 9447 is 4447 away.
		{"mad", 0, []metrics.Uptime{552, 4000, 5000, 6000, 9447}, 6112},
	}
	for _, tt := range tests {
		got := estimator(t, tt.name).Estimate(tt.column, tt.f)
		require.Equal(t, tt.want, got, "%s of %v with f=%d", tt.name, tt.column, tt.f)
	}
}

// referenceMAD is the documented mad rule, computed with rational numbers.
func referenceMAD(sorted []metrics.Uptime, f int) metrics.Uptime {
	rat := func(a, b int64) *big.Rat { return big.NewRat(a, b) }
	middle := func(s []*big.Rat) *big.Rat {
		sum := new(big.Rat).Add(s[(len(s)-1)/2], s[len(s)/2])
		return sum.Quo(sum, rat(2, 1))
	}
	distance := func(a, b *big.Rat) *big.Rat { d := new(big.Rat).Sub(a, b); return d.Abs(d) }
	values := make([]*big.Rat, len(sorted))
	for i, v := range sorted {
		values[i] = rat(int64(v), 1)
	}
	m := middle(values)
	distances := make([]*big.Rat, len(sorted))
	for i, v := range values {
		distances[i] = distance(v, m)
	}
	slices.SortFunc(distances, (*big.Rat).Cmp)
	bound := new(big.Rat).Mul(rat(14826, 10000), middle(distances))
	if bound.Cmp(rat(200, 1)) < 0 {
		bound = rat(200, 1)
	}
	bound.Mul(bound, rat(3, 1))
	sum, count := rat(0, 1), int64(0)
	for _, v := range values {
		if distance(v, m).Cmp(bound) <= 0 {
			sum.Add(sum, v)
			count++
		}
	}
	low, high := values[f], values[len(values)-1-f]
	kept := sum.Quo(sum, rat(count, 1))
	if kept.Cmp(low) < 0 {
		kept = low
	}
	if kept.Cmp(high) > 0 {
		kept = high
	}
	kept = new(big.Rat).Add(kept, rat(1, 2))
	return metrics.Uptime(new(big.Int).Div(kept.Num(), kept.Denom()).Int64())
}

func TestMADEqualsItsDefinitionInRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		near := rapid.Int32Range(0, 10000).Draw(t, "near")
		value := rapid.OneOf(rapid.Int32Range(0, 10000), rapid.Int32Range(max(0, near-700), min(10000, near+700)))
		f := rapid.IntRange(0, 4).Draw(t, "f")
		column := make([]metrics.Uptime, rapid.IntRange(2*f+1, 2*f+12).Draw(t, "n"))
		for i := range column {
			column[i] = metrics.Uptime(value.Draw(t, "value"))
		}
		slices.Sort(column)
		e, err := metrics.ParseEstimator("mad")
		require.NoError(t, err)
		require.Equal(t, referenceMAD(column, f), e.Estimate(column, f))
	})
}

func TestMissingIsNeverCountedAsZero(t *testing.T) {
	const missing = metrics.Missing
	rows := []metrics.Row{
		{Reporter: "a", Values: []metrics.Uptime{9000, missing, 0, missing}},
		{Reporter: "b", Values: []metrics.Uptime{missing, 9000, 0, missing}},
		{Reporter: "c", Values: []metrics.Uptime{9000, missing, 0, missing}},
		{Reporter: "d", Values: []metrics.Uptime{9000, 9000, missing, missing}},
	}
	m, err := metrics.NewMatrix([]metrics.MixID{"m1", "m2", "m3", "m4"}, rows)
	require.NoError(t, err)
	for _, e := range metrics.Estimators() {
		covered := metrics.Apply(m, e, 1)
		require.Equal(t, []metrics.Uptime{9000, missing, 0, missing}, covered.Values, e.Name())
		require.Equal(t, []uint16{3, 2, 3, 0}, covered.Reports)

		raw := metrics.Rule{Estimator: e, F: 1}.Apply(m)
		require.Equal(t, []metrics.Uptime{9000, 9000, 0, missing}, raw.Values, e.Name())
		require.Equal(t, covered.Reports, raw.Reports)
	}
}

func TestCoverageIsOneMoreThanTwiceTheLiars(t *testing.T) {
	require.Equal(t, []int{1, 1, 3, 7}, []int{
		metrics.Coverage(-1), metrics.Coverage(0), metrics.Coverage(1), metrics.Coverage(3),
	})
	require.Positive(t, metrics.Coverage(math.MaxInt))
}

// drawRows draws the rows of n reporters, with some values missing.
func drawRows(t *rapid.T, n, columns int) []metrics.Row {
	value := rapid.OneOf(rapid.Just(int32(metrics.Missing)), rapid.Int32Range(0, 10000), rapid.Int32Range(9500, 10000))
	rows := make([]metrics.Row, n)
	for i := range rows {
		values := make([]metrics.Uptime, columns)
		for j := range values {
			values[j] = metrics.Uptime(value.Draw(t, "value"))
		}
		rows[i] = metrics.Row{Reporter: "r" + strconv.Itoa(i), Values: values}
	}
	return rows
}

func TestBoundsOfEstimatorsDependOnTheLiars(t *testing.T) {
	for name, want := range map[string][3]bool{ // for f = 0, 1, 2
		"mean": {true, false, false}, "median": {true, true, true}, "trimmed": {true, true, true},
		"trimmed(1)": {true, true, false}, "wmedian": {true, true, true},
	} {
		for f, bounded := range want {
			require.Equal(t, bounded, metrics.Bounded(estimator(t, name), f), "%s with f = %d", name, f)
		}
	}
}

func TestEstimatorNamesParseToThemselves(t *testing.T) {
	require.Equal(t, "trimmed(2)", estimator(t, "trimmed(2)").Name())
	require.Equal(t, "trimmed(1000)", estimator(t, "trimmed(1000)").Name())

	for _, bad := range []string{
		"", "Median", "median ", "trimmed()", "trimmed(0)", "trimmed(-1)", "trimmed(+1)", "trimmed(01)", "trimmed(1",
		"trimmed(1))", "trimmed(1001)", "trimmed(99999999999999999999)", "trimmed1",
	} {
		_, err := metrics.ParseEstimator(bad)
		require.ErrorIs(t, err, metrics.ErrEstimator, "%q", bad)
		require.ErrorContains(t, err, metrics.EstimatorNames())
	}
}

func TestRowsAreFoundByTheirReporter(t *testing.T) {
	m, err := metrics.NewMatrix([]metrics.MixID{"a"}, []metrics.Row{{Reporter: "y", Values: []metrics.Uptime{2}}, {Reporter: "x", Values: []metrics.Uptime{1}}})
	require.NoError(t, err)
	for reporter, want := range map[string][]metrics.Uptime{"x": {1}, "y": {2}, "": nil, "xx": nil, "z": nil} {
		values, ok := m.Row(reporter)
		require.Equal(t, want, values, reporter)
		require.Equal(t, want != nil, ok, reporter)
	}
}
