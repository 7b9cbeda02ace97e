// Package lies is what lying Nym-APIs report in experiments. Each lie has a file. It knows what
// the strongest adversary of a protocol with signed reports knows: all liars act as one, and see
// what all honest Nym-APIs report before they report themselves. It is pure and deterministic.
//
// To add a lie, write a file with a function that begins it, and add a line to [All]. The
// conformance test then runs it.
package lies

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// Lie is a way of lying.
type Lie struct {
	Name  string // in commands and tables
	About string // what the liars do, as a part of a sentence: "report 0 for every mixnode"
	// Adaptive lies choose their reports by the way of deciding that is judged, so they differ from
	// way to way.
	Adaptive bool
	// Begin returns the liars of a run.
	Begin func(Scene) Liars
}

// Liars are all liars of one run. They remember what they reported.
type Liars interface {
	// Report replaces the rows of the liars for the next epoch, from 1. Before, they are what the
	// liars measured, and may be modified; the other rows are what honest Nym-APIs report, nil if one
	// does not, and must not be modified. It returns which reports are in the block that wins, if the
	// liars choose it: at least n-f. nil means all. The slice must not be modified.
	Report(epoch int, rows [][]metrics.Uptime) (block []bool)
}

// Scene is what liars know about a run.
type Scene struct {
	Draw     draw.State // for random choices
	N, F     int        // size of the group, and how many liars it tolerates
	Liars    []int      // the rows of the liars, ascending, at least one
	Mixnodes int
	// Judge is the way of deciding that is judged, for adaptive lies only. They must only call Name
	// and Score.
	Judge payout.Way
}

// All returns all lies. Those against all mixnodes are first, then those against some, then those
// that abuse trust.
func All() []Lie {
	return []Lie{
		{Name: "zero", About: "report 0 for every mixnode", Begin: constant(0)},
		{Name: "hundred", About: "report 100 for every mixnode", Begin: constant(metrics.Full)},
		{Name: "victims", About: "report 0 for a tenth of the mixnodes, and what they measured for the others", Begin: beginVictims},
	}
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

// liarsFunc is liars without memory that choose no block.
type liarsFunc func(epoch int, rows [][]metrics.Uptime)

func (f liarsFunc) Report(epoch int, rows [][]metrics.Uptime) []bool {
	f(epoch, rows)
	return nil
}

// The kinds of draw, with the words that follow.
const (
	// drawVictim, mixnode: the victims are those with the smallest draws.
	drawVictim = iota + 1
)

// victimShare is the inverse of the share of victims.
const victimShare = 10

// victims returns a tenth of the mixnodes, rounded up, ascending. All lies of a run have the same.
func (s Scene) victims() []int {
	order := make([]int, s.Mixnodes)
	for j := range order {
		order[j] = j
	}
	drawn := func(j int) draw.State { return s.Draw.With(drawVictim).With(uint64(j)) }
	slices.SortFunc(order, func(a, b int) int {
		if drawn(a) < drawn(b) {
			return -1
		}
		return 1
	})
	chosen := order[:(s.Mixnodes+victimShare-1)/victimShare]
	slices.Sort(chosen)
	return chosen
}
