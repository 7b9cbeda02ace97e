// Package trust is lies with a strength, made against a rule that weighs Nym-APIs by their past,
// such as wmedian: how many mixnodes can be lied about, how far can a lie be from the median, until
// liars stand out. It is pure and deterministic. Package lies has the lies for every rule.
package trust

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
)

// Lie is a lie with what a measurement of it must know.
type Lie struct {
	lies.Lie
	// Targets is the number of mixnodes against which they lie, the first ones. 0: all.
	Targets int
}

// All returns all lies of the package.
func All() []Lie {
	push := Lie{Lie: lies.Lie{Name: "push", About: "report the value that pushes the median furthest from f honest ones", Begin: beginPush}}
	return slices.Concat(mimics(), widths(), []Lie{push})
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

// each returns how liars begin that all report a function of the honest values for a mixnode, which
// are ascending. They report what they measured where there is no honest value.
func each(value func(honest []metrics.Uptime) metrics.Uptime) func(lies.Scene) lies.Liars {
	return func(s lies.Scene) lies.Liars {
		return lies.Func(func(_ int, rows [][]metrics.Uptime) {
			honest := s.HonestReports(rows)
			for j := range s.Mixnodes {
				if honest := honest.Column(j); len(honest) > 0 {
					set(s, rows, j, value(honest))
				}
			}
		})
	}
}

// set sets the value that all liars report for a mixnode. A liar that cannot report stays silent.
func set(s lies.Scene, rows [][]metrics.Uptime, mixnode int, value metrics.Uptime) {
	for _, i := range s.Liars {
		if rows[i] != nil {
			rows[i][mixnode] = value
		}
	}
}
