package spread

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/window"
)

// Distances is how far the reports of a submitter are from those of the others, in points.
type Distances struct {
	// Distance is the mean absolute difference between a report of the submitter and the median of
	// the reports of all others about the same node and epoch. It is nil if nobody else reported
	// about any node of the submitter in the same epoch.
	Distance *Estimate `json:"distance"`
	// Bias is the same with sign: above 0, the submitter reports more than the others.
	Bias *Estimate `json:"bias"`
	// Excess is the distance minus the median distance of the other submitters in the same epoch.
	Excess   *Estimate `json:"excess"`
	Compared int       `json:"compared"` // cells that enter the figures
	StandOut bool      `json:"stands_out"`
}

// sums are those of one submitter by epoch.
type sums struct{ absolute, signed, count []float64 }

// Submitters returns the figures of each submitter, in the order of the window.
func Submitters(w *window.Window, b *Bootstrap) []Distances {
	all := make([]sums, len(w.Submitters))
	for s := range all {
		all[s] = sums{make([]float64, w.Epochs), make([]float64, w.Epochs), make([]float64, w.Epochs)}
	}
	var column []report
	for epoch := range w.Epochs {
		for node := range w.Nodes {
			column = reports(w, node, epoch, column[:0])
			for i := range column {
				if len(column) < 2 {
					continue
				}
				d := points(column[i].value) - medianWithout(column, i)
				own := all[column[i].submitter]
				own.absolute[epoch] += max(d, -d)
				own.signed[epoch] += d
				own.count[epoch]++
			}
		}
	}
	figures, judge := make([]Distances, len(all)), newJudge(len(all))
	for s, own := range all {
		figures[s] = Distances{Distance: b.Ratio(own.absolute, own.count), Bias: b.Ratio(own.signed, own.count)}
		for _, n := range own.count {
			figures[s].Compared += int(n)
		}
		figures[s].Excess = b.Ratio(excess(all, s))
		figures[s].StandOut = judge.standsOut(figures[s].Excess)
	}
	return figures
}

// excess returns by how much the mean distance of a submitter in each epoch is above the median of
// those of the others, and 1 for each epoch in which that is defined.
func excess(all []sums, submitter int) (above, defined []float64) {
	own := all[submitter]
	epochs := len(own.count)
	above, defined = make([]float64, epochs), make([]float64, epochs)
	for e := range epochs {
		if own.count[e] == 0 {
			continue
		}
		var others []float64
		for s, other := range all {
			if s != submitter && other.count[e] > 0 {
				others = append(others, other.absolute[e]/other.count[e])
			}
		}
		if len(others) > 0 {
			above[e], defined[e] = own.absolute[e]/own.count[e]-middle(others), 1
		}
	}
	return above, defined
}

// report is a value that a submitter reports.
type report struct {
	submitter int
	value     metrics.Uptime
}

// reports appends the reports about a node in an epoch, ascending by value.
func reports(w *window.Window, node, epoch int, to []report) []report {
	for s := range w.Submitters {
		if v := w.Report(node, s, epoch); v != metrics.Missing {
			to = append(to, report{s, v})
		}
	}
	slices.SortFunc(to, func(a, b report) int { return int(a.value - b.value) })
	return to
}

// medianWithout returns the median of ascending reports without one of them, in points. There must
// be at least two.
func medianWithout(sorted []report, without int) float64 {
	at := func(i int) float64 {
		if i >= without {
			i++
		}
		return points(sorted[i].value)
	}
	n := len(sorted) - 1
	return (at((n-1)/2) + at(n/2)) / 2
}

// middle returns the median of at least one value. It sorts the values.
func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func points(v metrics.Uptime) float64 { return float64(v) / float64(metrics.PerPoint) }
