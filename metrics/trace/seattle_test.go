package trace_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
)

const seattle = "../testdata/seattle/seattle_uptime.csv"

// TestSeattleTable reproduces every cell of the table in testdata/seattle/README.md to two
// decimals.
func TestSeattleTable(t *testing.T) {
	tr, err := trace.Open(seattle)
	require.NoError(t, err)
	good := find(t, tr, "n00 n06 n14 n20 n27 n34 n40 n47 n54 n60 n67 n73 n80 n86 n92")
	ten := good[:10]
	bad := find(t, tr, "n11 n09 n44")
	all := make([]int, len(tr.Observers))
	for i := range all {
		all[i] = i
	}
	lie := func(u metrics.Uptime) *metrics.Uptime { return &u }
	truth := tr.Truth(good, estimator(t, "median"))

	tests := []struct {
		name      string
		reporters []int
		lie       *metrics.Uptime // what the last three report everywhere
		want      string          // mean, median, lowmedian, trimmed(3)
	}{
		{"ten good", ten, nil, "2.36 1.30 1.63 1.24"},
		{"three bad and seven good", append(slices.Clone(bad), ten[:7]...), nil, "7.25 1.89 2.05 1.84"},
		{"all twenty", all, nil, "4.61 0.99 1.00 1.32"},
		{"three say 0", ten, lie(0), "30.78 3.25 5.00 4.30"},
		{"three say 100", ten, lie(metrics.Full), "2.42 2.52 2.00 2.47"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, name := range []string{"mean", "median", "lowmedian", "trimmed(3)"} {
				cells, rmse := compare(t, tr, truth, metrics.Rule{Estimator: estimator(t, name), F: 3}, tt.reporters, tt.lie)
				require.Equal(t, 4257, cells)
				got = append(got, strconv.FormatFloat(rmse, 'f', 2, 64))
			}
			require.Equal(t, tt.want, strings.Join(got, " "))
		})
	}
}

// Five other observers are the truth. Which rule is closer to it depends on how their values become
// one.
func TestSeattleTruthDecidesWhichRuleLooksBest(t *testing.T) {
	tr, err := trace.Open(seattle)
	require.NoError(t, err)
	reporters := find(t, tr, "n00 n06 n14 n20 n27 n34 n40 n47 n54 n60")
	others := find(t, tr, "n67 n73 n80 n86 n92")
	for _, tt := range []struct{ truth, median, mean string }{{"median", "2.89", "3.19"}, {"mean", "3.33", "3.12"}} {
		truth := tr.Truth(others, estimator(t, tt.truth))
		for name, want := range map[string]string{"median": tt.median, "mean": tt.mean} {
			cells, rmse := compare(t, tr, truth, metrics.Rule{Estimator: estimator(t, name), F: 3, Coverage: metrics.Coverage(3)}, reporters, nil)
			require.Equal(t, 4257, cells)
			require.Equal(t, want, strconv.FormatFloat(rmse, 'f', 2, 64), "%s against the %s", name, tt.truth)
		}
	}
}

func estimator(t *testing.T, name string) metrics.Estimator {
	t.Helper()
	e, err := metrics.ParseEstimator(name)
	require.NoError(t, err)
	return e
}

// compare applies rule to what the reporters measured in each epoch; the last three of them lie if
// lie is set. It returns the number of cells with both a value and a truth, and the root of the
// mean squared difference in points.
func compare(
	t *testing.T, tr *trace.Trace, truth [][]metrics.Uptime, rule metrics.Rule, reporters []int, lie *metrics.Uptime,
) (cells int, rmse float64) {
	t.Helper()
	squares := 0.0
	for epoch := range tr.Epochs {
		rows := make([]metrics.Row, len(reporters))
		for i, observer := range reporters {
			values := make([]metrics.Uptime, len(tr.Mixnodes))
			for mixnode := range values {
				values[mixnode] = metrics.Missing
				if value, ok := tr.Value(epoch, observer, mixnode); ok {
					values[mixnode] = metrics.Average([]uint8{value})
				}
				if lie != nil && i >= len(reporters)-3 {
					values[mixnode] = *lie
				}
			}
			rows[i] = metrics.Row{Reporter: tr.Observers[observer], Values: values}
		}
		matrix, err := metrics.NewMatrix(tr.Mixnodes, rows)
		require.NoError(t, err)
		for mixnode, value := range rule.Apply(matrix).Values {
			got, haveValue := value.Points()
			want, haveTruth := truth[epoch][mixnode].Points()
			if haveValue && haveTruth {
				squares += (got - want) * (got - want)
				cells++
			}
		}
	}
	return cells, math.Sqrt(squares / float64(cells))
}

func TestSeattleIsReadWhole(t *testing.T) {
	tr, err := trace.Open(seattle)
	require.NoError(t, err)
	require.Len(t, tr.Epochs, 43)
	require.Len(t, tr.Observers, 20)
	require.Len(t, tr.Mixnodes, 99)
	require.Equal(t, []int64{1, 43}, []int64{tr.Epochs[0], tr.Epochs[42]})

	values, diagonal, sum, sumOfMeans := 0, 0, 0, 0.0
	for epoch := range tr.Epochs {
		for mixnode, id := range tr.Mixnodes {
			inCell, sumOfCell := 0, 0
			for observer := range tr.Observers {
				value, ok := tr.Value(epoch, observer, mixnode)
				switch {
				case ok:
					inCell++
					sumOfCell += int(value)
				case string(id) == tr.Observers[observer]:
					diagonal++
				}
			}
			values += inCell
			sum += sumOfCell
			sumOfMeans += float64(sumOfCell) / float64(inCell)
		}
	}
	require.Equal(t, 84102, values)
	require.Equal(t, 43*20, diagonal)
	require.Equal(t, 178, 43*20*99-values-diagonal)
	require.Equal(t, "96.358", strconv.FormatFloat(float64(sum)/float64(values), 'f', 3, 64))
	require.Equal(t, "96.345", strconv.FormatFloat(sumOfMeans/(43*99), 'f', 3, 64))
}

func find(t *testing.T, tr *trace.Trace, names string) []int {
	t.Helper()
	found, err := tr.Find(strings.Fields(names))
	require.NoError(t, err)
	return found
}
