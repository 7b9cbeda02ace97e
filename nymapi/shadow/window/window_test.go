package window

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

var start = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)

func build(t require.TestingT, span Span, measurements ...Measurement) *Window {
	b := NewBuilder(span)
	for _, m := range measurements {
		require.NoError(t, b.Add(m))
	}
	return b.Window()
}

// hours returns a span of epochs of an hour.
func hours(epochs int) Span { return Span{Start: start, Epoch: time.Hour, Epochs: epochs} }

func measured(node, submitter string, minute int, percent int32) Measurement {
	return Measurement{Node{Name: node}, submitter, start.Add(time.Duration(minute) * time.Minute), percent * (Full / 100), percent > 0}
}

// The window is what a map of all measurements by node, time and submitter gives.
func TestMeasurementsAreSummedOnceByNodeEpochAndSubmitter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		epochs := rapid.IntRange(1, 4).Draw(t, "epochs")
		measurements := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Measurement {
			return measured(rapid.SampledFrom([]string{"1", "2", "10"}).Draw(t, "node"), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "submitter"),
				rapid.IntRange(-90, 300).Draw(t, "minute"), rapid.Int32Range(0, 100).Draw(t, "percent"))
		})).Draw(t, "measurements")
		slices.SortStableFunc(measurements, func(a, b Measurement) int { return a.Node.compare(b.Node) })
		w := build(t, hours(epochs), measurements...)

		kept, want := map[string]Measurement{}, Tally{}
		for _, m := range measurements {
			key := fmt.Sprint(m.Node, m.Submitter, m.Time)
			_, twice := kept[key]
			switch {
			case m.Time.Before(start):
				want.Before++
			case !m.Time.Before(w.End()):
				want.After++
			case twice:
				want.Duplicate++
			default:
				want.Used++
				kept[key] = m
			}
		}
		require.Equal(t, want, w.Tally)
		sums := map[string]Cell{}
		for _, m := range kept {
			key := fmt.Sprint(m.Node, m.Submitter, int(m.Time.Sub(start)/time.Hour))
			c := sums[key]
			c.count(m)
			sums[key] = c
		}
		for n, node := range w.Nodes {
			for s, submitter := range w.Submitters {
				for e := range epochs {
					require.Equal(t, sums[fmt.Sprint(node, submitter.Name, e)], w.Cell(n, s, e))
					delete(sums, fmt.Sprint(node, submitter.Name, e))
				}
			}
		}
		require.Empty(t, sums, "each cell is found")
		require.True(t, slices.IsSortedFunc(w.Nodes, Node.compare))
	})
}

func TestNodesAreOrderedByNumberAndNamesAsText(t *testing.T) {
	w := build(t, hours(1), measured("10", "a", 0, 1), measured("9", "a", 0, 1), measured("b", "a", 0, 1), measured("B2", "a", 0, 1))
	require.Equal(t, []Node{{Name: "B2"}, {Name: "b"}, {Name: "9"}, {Name: "10"}}, w.Nodes)
}

func TestSubmittersWithoutARowInTheWindowAreNoReporters(t *testing.T) {
	w := build(t, hours(1), measured("1", "past", -1, 1), measured("1", "future", 60, 1), measured("1", "now", 59, 1))
	require.Len(t, w.Submitters, 1)
	require.Equal(t, "now", w.Submitters[0].Name)
	require.Equal(t, []Submitter{{Name: "future", After: 1}}, w.Outside)
	require.Equal(t, Tally{Used: 1, Before: 1, After: 1}, w.Tally)
}

func TestWindowsAreBounded(t *testing.T) {
	b := NewBuilder(hours(10))
	b.most = 10
	require.NoError(t, b.Add(measured("1", "a", 0, 1)))
	require.ErrorIs(t, b.Add(measured("2", "a", 0, 1)), ErrTooLarge)
	b = NewBuilder(hours(1))
	for i := range MaxSubmitters {
		require.NoError(t, b.Add(measured("1", fmt.Sprint(i), 0, 1)))
	}
	require.ErrorIs(t, b.Add(measured("1", "one more", 0, 1)), ErrTooLarge)
	require.NoError(t, b.Add(measured("1", "0", 1, 1)))
}

// A single mean weighs submitters by their rows; the mean of reports does not.
func TestRulesScoreAnEpoch(t *testing.T) {
	w := build(t, hours(1),
		measured("1", "a", 0, 90), measured("1", "a", 15, 90), measured("1", "a", 30, 90), measured("1", "b", 0, 100), measured("1", "c", 0, 100), measured("1", "d", 0, 1),
		measured("2", "a", 0, 97), measured("2", "b", 0, 98))
	require.Equal(t, 1, w.F())
	trimmed, err := metrics.ParseEstimator("trimmed(2)")
	require.NoError(t, err)
	scores := w.Score(Rules{Extra: trimmed})
	require.Equal(t, []string{"single", "mean", "median", "lowmedian", "trimmed", "mad", "wmedian", "trimmed(2)", "performance"}, scores.Names)
	of := func(rule string) []metrics.Uptime { return scores.Rule(rule)[0] }
	require.Equal(t, []metrics.Uptime{7850, 9750}, of("single"), "(90+90+90+100+100+1)/6")
	require.Equal(t, []metrics.Uptime{7275, metrics.Missing}, of("mean"), "(90+100+100+1)/4; node 2 has two reports of three")
	require.Equal(t, []metrics.Uptime{9500, metrics.Missing}, of("median"))
	require.Equal(t, []metrics.Uptime{9000, metrics.Missing}, of("lowmedian"))
	require.Equal(t, []metrics.Uptime{9500, 9800}, of("performance"), "no least number of reports; 97.5 is rounded up")
	require.Nil(t, scores.Rule("best"))
}

func TestReportsAreRoundedHalfUp(t *testing.T) {
	exact := func(values ...int32) metrics.Uptime {
		var measurements []Measurement
		for i, v := range values {
			m := measured("1", "a", i, 0)
			m.Value = v
			measurements = append(measurements, m)
		}
		return build(t, hours(1), measurements...).Report(0, 0, 0)
	}
	require.EqualValues(t, 6667, exact(Full, Full, 0))
	require.EqualValues(t, 3333, exact(Full, 0, 0))
	require.EqualValues(t, 9876, exact(987_550))
	require.EqualValues(t, 9875, exact(987_549))
}

func TestAnEstimatorIsScoredOnce(t *testing.T) {
	w := build(t, hours(1), measured("1", "a", 0, 90))
	mad, err := metrics.ParseEstimator("mad")
	require.NoError(t, err)
	scores := w.Score(Rules{Extra: mad})
	require.Len(t, scores.Names, 8)
}

// Monitor v1 measures all nodes in each run, and Nym counts a row that is not there as 0.
func TestARowThatIsMissingCountsAsZeroOnlyIfAsked(t *testing.T) {
	w := build(t, hours(1),
		measured("1", "m", 0, 100), measured("1", "m", 15, 100), measured("1", "m", 30, 100), measured("1", "m", 45, 100), measured("2", "m", 0, 100))
	for zero, want := range map[bool][]metrics.Uptime{false: {10000, 10000}, true: {10000, 2500}} {
		scores := w.Score(Rules{MissingIsZero: zero})
		require.Equal(t, want, scores.Rule(Single)[0])
		require.Equal(t, []metrics.Uptime{10000, 10000}, scores.Rule("median")[0])
	}
}

// The history of epoch e holds what was reported up to e-2.
func TestHistoryIsTwoEpochsBehind(t *testing.T) {
	var measurements []Measurement
	for node := range 5 {
		for epoch := range 4 {
			for s, name := range []string{"a", "b", "c", "d"} {
				percent := int32(80 + 5*s) // 80, 85, 90, 95
				if name == "d" && epoch == 0 {
					percent = 0
				}
				measurements = append(measurements, measured(fmt.Sprint(node+1), name, 60*epoch, percent))
			}
		}
	}
	w := build(t, hours(4), measurements...)
	scores := w.Score(Rules{})
	median, weighted := scores.Rule("median"), scores.Rule("wmedian")
	require.Equal(t, median[0], weighted[0])
	require.Equal(t, median[1], weighted[1], "epoch 0 does not count yet")
	require.Less(t, weighted[2][0], median[2][0], "d counts less")
	matrix := func(epoch int) metrics.Matrix {
		mixnodes, reporters := []metrics.MixID{"1", "2", "3", "4", "5"}, []metrics.Row{{Reporter: "a"}, {Reporter: "b"}, {Reporter: "c"}, {Reporter: "d"}}
		for s := range reporters {
			for n := range mixnodes {
				reporters[s].Values = append(reporters[s].Values, w.Report(n, s, epoch))
			}
		}
		m, err := metrics.NewMatrix(mixnodes, reporters)
		require.NoError(t, err)
		return m
	}
	rule := metrics.Rule{Estimator: metrics.WeightedByHistory(), F: 1, Coverage: 3, History: metrics.History(nil).Fold(matrix(0), 1)}
	require.Equal(t, rule.Apply(matrix(2)).Values, weighted[2])
}

func TestZerosOfAlmostAllNodesAreAnOutage(t *testing.T) {
	var measurements []Measurement
	for node := range 20 {
		for tick := range 8 {
			percent := int32(100)
			if tick == 2 || tick == 3 || tick == 6 && node > 1 { // 18 of 20 in the last one
				percent = 0
			}
			measurements = append(measurements, measured(fmt.Sprint(node+1), "a", 15*tick, percent), measured(fmt.Sprint(node+1), "b", 15*tick, 100))
		}
	}
	w := build(t, hours(2), measurements...)
	require.Equal(t, []Outage{
		{Submitter: 0, Start: start.Add(30 * time.Minute), Length: 30 * time.Minute, Zeros: 40, Rows: 40},
		{Submitter: 0, Start: start.Add(90 * time.Minute), Length: 15 * time.Minute, Zeros: 18, Rows: 20},
	}, w.Outages())
	few := build(t, hours(2), measurements[:16*9]...)
	require.Empty(t, few.Outages(), "nine nodes are too few")
}

func TestEpochsWithoutARowAreGaps(t *testing.T) {
	w := build(t, hours(6), measured("1", "a", 0, 1), measured("1", "a", 3*60, 1), measured("1", "b", 0, 1))
	require.Equal(t, []Gap{
		{Submitter: 0, Start: start.Add(time.Hour), Epochs: 2},
		{Submitter: 0, Start: start.Add(4 * time.Hour), Epochs: 2},
		{Submitter: 1, Start: start.Add(time.Hour), Epochs: 5},
	}, w.Gaps())
	require.Equal(t, []int{0, 3}, w.Live())
}
