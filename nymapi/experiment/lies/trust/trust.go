// Package trust is lies made against a rule that weighs Nym-APIs by their past, such as wmedian:
// liars that earn weight and spend it, stay just inside what the rule tolerates, or make honest
// Nym-APIs look bad. They are those by which the authors of wmedian judged it, so that the
// experiment can repeat what they claim. It is pure and deterministic. Package lies has the lies
// against every rule.
package trust

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
)

// Lie is a lie with what a measurement of it must know.
type Lie struct {
	lies.Lie
	// Wakes is the first epoch (from 1) in which the liars lie. Before, they earn trust.
	Wakes int
	// Targets is the number of mixnodes against which they lie, the first ones. 0: all.
	Targets int
}

// All returns all lies of the package.
func All() []Lie {
	return slices.Concat(
		[]Lie{
			{Lie: lies.Lie{Name: "second", About: "report the second smallest honest value", Begin: each(secondSmallest)}, Wakes: 1},
			{Lie: lies.Lie{Name: "less-12", About: "report 12 points less than they measured", Begin: beginLess}, Wakes: 1},
			{Lie: lies.Lie{Name: "wake-16", About: "report the honest median for 15 epochs, then 0", Begin: beginWaking(16)}, Wakes: 16},
			{Lie: lies.Lie{Name: "push", About: "report the value that pushes the median furthest from f honest ones", Begin: beginPush}, Wakes: 1},
			{Lie: lies.Lie{Name: "repeat", About: "repeat one honest Nym-API", Begin: beginRepeat}, Wakes: 1},
			{Lie: lies.Lie{Name: "join", About: "repeat the last honest Nym-API, which may share a bias", Begin: beginJoin}, Wakes: 1},
			{Lie: lies.Lie{Name: "repeat-22", About: "repeat one honest Nym-API for 22 epochs, then report 0", Begin: beginRepeatThenZero(23)}, Wakes: 23},
		},
		mimics(),
		widths(),
	)
}

// Find returns the lie of that name, and false if it does not exist.
func Find(name string) (Lie, bool) {
	for _, lie := range All() {
		if lie.Name == name {
			return lie, true
		}
	}
	return Lie{}, false
}

// report is liars without memory, which choose no block.
type report func(epoch int, rows [][]metrics.Uptime)

func (r report) Report(epoch int, rows [][]metrics.Uptime) []bool {
	r(epoch, rows)
	return nil
}

// each returns how liars begin that all report a function of the honest values for a mixnode, which
// are ascending. They report what they measured where there is no honest value.
func each(value func(honest []metrics.Uptime) metrics.Uptime) func(lies.Scene) lies.Liars {
	return func(s lies.Scene) lies.Liars {
		return report(func(_ int, rows [][]metrics.Uptime) {
			for j := range s.Mixnodes {
				if honest := honestColumn(s, rows, j); len(honest) > 0 {
					set(s, rows, j, value(honest))
				}
			}
		})
	}
}

// honestColumn returns what honest Nym-APIs report for a mixnode, ascending.
func honestColumn(s lies.Scene, rows [][]metrics.Uptime, mixnode int) []metrics.Uptime {
	var column []metrics.Uptime
	for i, row := range rows {
		if row != nil && row[mixnode] != metrics.Missing && !slices.Contains(s.Liars, i) {
			column = append(column, row[mixnode])
		}
	}
	slices.Sort(column)
	return column
}

// set sets what all liars report for a mixnode.
func set(s lies.Scene, rows [][]metrics.Uptime, mixnode int, value metrics.Uptime) {
	for _, i := range s.Liars {
		rows[i][mixnode] = value
	}
}

// secondSmallest is the lowest value that is never the smallest one.
func secondSmallest(honest []metrics.Uptime) metrics.Uptime { return honest[min(1, len(honest)-1)] }
