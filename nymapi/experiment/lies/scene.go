package lies

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// The kinds of draw, with the words that follow.
const (
	// drawVictim, mixnode: the victims are those with the smallest draws.
	drawVictim = iota + 1
	// drawHonest, Nym-API: those with the smallest draws are copied, or framed.
	drawHonest
	// drawSplit, epoch: which of two reports the winner has.
	drawSplit
	// drawNoise, epoch, Nym-API, mixnode: the error of a value.
	drawNoise
)

// A tenth is the share of the mixnodes against which, or for which, most selective lies are told.
const tenth = 10

// victims returns 1/share of the mixnodes, rounded up, ascending. All lies of a run have the same,
// and those of a larger share are among those of a smaller one.
func (s Scene) victims(share int) []int {
	return smallest(s.Mixnodes, (s.Mixnodes+share-1)/share, s.Draw.With(drawVictim))
}

// chosen returns some honest Nym-APIs, all of them if there are fewer, ascending. They are the same
// in all lies of a run.
func (s Scene) chosen(count int) []int {
	honest := s.Honest()
	chosen := smallest(len(honest), min(count, len(honest)), s.Draw.With(drawHonest))
	for i, number := range chosen {
		chosen[i] = honest[number]
	}
	return chosen
}

// smallest returns the count of the numbers below n that have the smallest draws, ascending.
func smallest(n, count int, from draw.State) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if from.With(uint64(a)) < from.With(uint64(b)) {
			return -1
		}
		return 1
	})
	order = order[:count]
	slices.Sort(order)
	return order
}

// Honest returns the rows of the honest Nym-APIs, ascending.
func (s Scene) Honest() []int {
	var honest []int
	for i := range s.N {
		if !slices.Contains(s.Liars, i) {
			honest = append(honest, i)
		}
	}
	return honest
}

// HonestReports returns the reports without those of liars.
func (s Scene) HonestReports(rows [][]metrics.Uptime) payout.Reports {
	rows = slices.Clone(rows)
	for _, i := range s.Liars {
		rows[i] = nil
	}
	return payout.NewReports(s.Mixnodes, rows)
}

// replace replaces what liars measured, by liar and mixnode. A liar that cannot report stays
// silent.
func (s Scene) replace(rows [][]metrics.Uptime, by func(i, j int, measured metrics.Uptime) metrics.Uptime) {
	for _, i := range s.Liars {
		for j, measured := range rows[i] {
			rows[i][j] = by(i, j, measured)
		}
	}
}

// replaceFor is replace for some mixnodes, with one value.
func (s Scene) replaceFor(rows [][]metrics.Uptime, mixnodes []int, value metrics.Uptime) {
	for _, i := range s.Liars {
		if rows[i] == nil {
			continue
		}
		for _, j := range mixnodes {
			rows[i][j] = value
		}
	}
}

// silence removes the reports of all liars.
func (s Scene) silence(rows [][]metrics.Uptime) {
	for _, i := range s.Liars {
		rows[i] = nil
	}
}

// copyRow replaces what a liar measured by another report, if there is one.
func copyRow(row, from []metrics.Uptime) {
	if row != nil && from != nil {
		copy(row, from)
	}
}

// mimic replaces what liars measured by the medians of the honest values, where there are any.
func (s Scene) mimic(rows [][]metrics.Uptime) {
	honest := s.HonestReports(rows)
	s.replace(rows, func(_, j int, measured metrics.Uptime) metrics.Uptime {
		if column := honest.Column(j); len(column) > 0 {
			return metrics.Median(column)
		}
		return measured
	})
}

// shifted returns a value with an error, within the range of uptimes. A missing one stays missing.
func shifted(value metrics.Uptime, by int) metrics.Uptime {
	if value == metrics.Missing {
		return value
	}
	return metrics.Uptime(max(0, min(int(value)+by, int(metrics.Full))))
}
