package scenes

import (
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
)

// What the world of a scene has unless the scene says otherwise.
const (
	nymAPIs  = 10
	mixnodes = 240
	epochs   = 24 // a day at Nym
	ticks    = 4
)

// faulty is the f of the group.
func faulty() int { return quorum.Faulty(nymAPIs) }

// Setting says in a sentence what the world of a seed is.
func Setting(seed uint64) string {
	return say("%d Nym-APIs (f = %d) measure %d mixnodes for %d epochs in the simulated world of seed %d.", nymAPIs, faulty(), mixnodes, epochs, seed)
}

// stage is what Nym-APIs report in a scene, and what is right. Epochs and Nym-APIs are numbered
// from 1, as in the text; mixnodes from 0. It is not modified: scenes change copies.
type stage struct {
	reports [][][]metrics.Uptime // by epoch, Nym-API and mixnode, from 0; nil: no report
	truth   [][]float64          // by epoch and mixnode, in points
}

// newStage returns what all Nym-APIs measure in the world of a seed if nothing happens.
func newStage(seed uint64) (stage, error) {
	o, err := observe.World{Seed: seed, Observers: nymAPIs, Mixnodes: mixnodes, Epochs: epochs, Ticks: ticks}.Observe()
	return stage{reports: o.Values, truth: o.Truth}, err
}

// with returns a stage in which every report is what change returns. It gets a copy of the report,
// which it may modify, and returns nil if the Nym-API does not report.
func (s stage) with(change func(epoch, nymAPI int, row []metrics.Uptime) []metrics.Uptime) stage {
	changed := stage{truth: s.truth}
	for e, rows := range s.reports {
		reports := make([][]metrics.Uptime, len(rows))
		for i, row := range rows {
			if row != nil {
				reports[i] = change(e+1, i+1, slices.Clone(row))
			}
		}
		changed.reports = append(changed.reports, reports)
	}
	return changed
}

// withTruth returns a stage in which the truth about a mixnode in an epoch is what change returns.
func (s stage) withTruth(change func(epoch, mixnode int, points float64) float64) stage {
	changed := stage{reports: s.reports}
	for e, truth := range s.truth {
		truth = slices.Clone(truth)
		for j := range truth {
			truth[j] = change(e+1, j, truth[j])
		}
		changed.truth = append(changed.truth, truth)
	}
	return changed
}

// window is a range of epochs, both ends included.
type window struct{ first, last int }

func (w window) has(epoch int) bool { return epoch >= w.first && epoch <= w.last }

// during is when most things happen.
func during() window { return window{9, 12} }

// always is all epochs.
func always() window { return window{1, epochs} }

// silent returns a stage in which Nym-APIs do not report during a window.
func (s stage) silent(w window, who func(nymAPI int) bool) stage {
	return s.with(func(epoch, i int, row []metrics.Uptime) []metrics.Uptime {
		if w.has(epoch) && who(i) {
			return nil
		}
		return row
	})
}

// values returns a stage in which Nym-APIs report another value for some mixnodes during a window.
func (s stage) values(w window, who func(nymAPI int) bool, which []int, value func(metrics.Uptime) metrics.Uptime) stage {
	return s.with(func(epoch, i int, row []metrics.Uptime) []metrics.Uptime {
		if w.has(epoch) && who(i) {
			for _, j := range which {
				row[j] = value(row[j])
			}
		}
		return row
	})
}

// upTo returns the first Nym-APIs.
func upTo(count int) func(nymAPI int) bool { return func(i int) bool { return i <= count } }

func zero(metrics.Uptime) metrics.Uptime   { return 0 }
func absent(metrics.Uptime) metrics.Uptime { return metrics.Missing }

// first returns the first mixnodes.
func first(count int) []int {
	which := make([]int, count)
	for j := range which {
		which[j] = j
	}
	return which
}

// good returns the first mixnodes that were good in every epoch.
func (s stage) good(count int) []int {
	var which []int
	for j := 0; j < mixnodes && len(which) < count; j++ {
		if !slices.ContainsFunc(s.truth, func(truth []float64) bool { return truth[j] < 95 }) {
			which = append(which, j)
		}
	}
	return which
}

// worst returns the mixnode that was worst, other than the last one.
func (s stage) worst() int {
	sums := make([]float64, mixnodes-1)
	for _, truth := range s.truth {
		for j := range sums {
			sums[j] += truth[j]
		}
	}
	return slices.Index(sums, slices.Min(sums))
}

// distance returns how far the reports of a Nym-API were from the medians of all, over the epochs
// of a window in which it reported: the root mean square in points.
func (s stage) distance(nymAPI int, w window) float64 {
	squares, count := 0.0, 0
	for e := w.first; e <= w.last; e++ {
		row := s.reports[e-1][nymAPI-1]
		for j, value := range row {
			if value != metrics.Missing {
				d := points(value) - points(metrics.Median(s.column(e, j)))
				squares, count = squares+d*d, count+1
			}
		}
	}
	return math.Sqrt(squares / float64(count))
}

// farthest returns the largest distance of Nym-APIs other than the first ones.
func (s stage) farthest(after int, w window) float64 {
	most := 0.0
	for i := after + 1; i <= nymAPIs; i++ {
		most = max(most, s.distance(i, w))
	}
	return most
}

// column returns the values that are reported about a mixnode in an epoch, ascending.
func (s stage) column(epoch, mixnode int) []metrics.Uptime {
	var column []metrics.Uptime
	for _, row := range s.reports[epoch-1] {
		if row != nil && row[mixnode] != metrics.Missing {
			column = append(column, row[mixnode])
		}
	}
	slices.Sort(column)
	return column
}

// points returns an uptime that is not missing in points.
func points(v metrics.Uptime) float64 { return float64(v) / float64(metrics.PerPoint) }
