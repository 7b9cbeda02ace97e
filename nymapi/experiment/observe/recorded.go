package observe

import (
	"cmp"
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
)

// Recorded returns what observers of a trace measured. The seed draws the order of the observers:
// the first n report, and the truth is the median of what the others measured, as in `nymapi
// compare --truth`, so nobody judges itself. An observer without any value in an epoch does not
// report in it. n must be 1 to the number of observers; if it is the latter, no truth is known.
//
// A truth that is measured has errors of its own, which add to those of all ways alike. It is also
// a median, so rules that yield medians look better than they would against another truth, and
// where most of the others are wrong in the same way, a rule that is right looks wrong.
//
// Observers that must report, by their indices in the trace, are the last of the n.
func Recorded(t *trace.Trace, n int, seed draw.State, must ...int) (Observations, error) {
	rule, err := metrics.ParseEstimator("median")
	if err != nil {
		return Observations{}, err
	}
	order := make([]int, len(t.Observers))
	for i := range order {
		order[i] = i
	}
	drawn := func(i int) draw.State { return seed.With(drawObserver).With(uint64(i)) }
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(drawn(a), drawn(b)) })
	order = slices.DeleteFunc(order, func(i int) bool { return slices.Contains(must, i) })
	order = slices.Insert(order, max(0, n-len(must)), must...)
	right := t.Truth(order[n:], rule)
	o := Observations{Mixnodes: len(t.Mixnodes)}
	for epoch := range t.Epochs {
		rows := make([][]metrics.Uptime, n)
		for i := range rows {
			rows[i] = recordedRow(t, epoch, order[i])
		}
		truth := make([]float64, o.Mixnodes)
		for j, value := range right[epoch] {
			points, ok := value.Points()
			if !ok {
				points = math.NaN()
			}
			truth[j] = points
		}
		o.Values, o.Truth = append(o.Values, rows), append(o.Truth, truth)
	}
	return o, nil
}

// recordedRow returns what an observer measured in an epoch, nil if it measured nothing.
func recordedRow(t *trace.Trace, epoch, observer int) []metrics.Uptime {
	row, empty := make([]metrics.Uptime, len(t.Mixnodes)), true
	for j := range row {
		row[j] = metrics.Missing
		if value, ok := t.Value(epoch, observer, j); ok {
			row[j], empty = metrics.Uptime(value)*metrics.PerPoint, false
		}
	}
	if empty {
		return nil
	}
	return row
}
