// Package lies is what lying Nym-APIs report in experiments. Each lie has a file. It knows what
// the strongest adversary of a protocol with signed reports knows: all liars act as one, and see
// what all honest Nym-APIs report before they report themselves. It is pure and deterministic. It
// is not what liars do to the protocol itself: that is in the adversaries of ephemera/simulation,
// and in the lies of nymapi/compare, which real nodes tell.
//
// To add a lie, write a file with a function that begins it, and add a line to [All]. The
// conformance test then runs it.
package lies

import (
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// Lie is a way of lying. Those of the same name in package compare report the same, except for
// split: there a real node sends both of its reports, and here one of them is drawn.
type Lie struct {
	Name  string // in commands and tables
	About string // what the liars do, as part of a sentence: "report 0 for every mixnode"
	// Adaptive lies choose their reports by the way of deciding that is judged, so they differ from
	// way to way.
	Adaptive bool
	// Special lies answer questions of their own. They need not be combined with everything else.
	Special bool
	// Begin returns the liars of a run.
	Begin func(Scene) Liars
}

// Liars are all liars of one run. They remember what they reported.
type Liars interface {
	// Report replaces the rows of the liars for the next epoch, from 1. Before, they are what the
	// liars measured, and may be modified. The other rows are what honest Nym-APIs report; they must
	// not be modified, and may be kept. A row is nil if that Nym-API does not report. A liar's row
	// stays nil then, and may become nil. Report returns which reports are in the block that wins, if
	// the liars choose it: at least n-f, if there are as many. nil means all. The slice must not be
	// modified.
	Report(epoch int, rows [][]metrics.Uptime) (block []bool)
}

// Scene is what liars know about a run.
type Scene struct {
	Draw     draw.State // for random choices
	N, F     int        // size of the group, and how many liars it tolerates
	Liars    []int      // the rows of the liars, ascending, at least one
	Mixnodes int
	// Judge is the way of deciding that is judged, for adaptive lies only. They must only call Name
	// and Score, and the functions of package payout that change nothing.
	Judge payout.Way
}

// All returns all lies. Those against all mixnodes are first, then those against some, then those
// that abuse trust or save work, then those that depend on the way of deciding. Special lies are
// last.
func All() []Lie {
	return []Lie{
		{Name: "zero", About: "report 0 for every mixnode", Begin: constant(0)},
		{Name: "hundred", About: "report 100 for every mixnode", Begin: constant(metrics.Full)},
		{Name: "split", About: "tell one half of the group 0 for every mixnode, and the other half 100", Begin: beginSplit},
		{Name: "noisy", About: "add a random error of up to 20 points to every value", Begin: beginNoisy},
		{Name: "shave", About: "report the second smallest honest value for every mixnode", Begin: beginShave},
		{Name: "victims", About: "report 0 for a tenth of the mixnodes, and what they measured for the others", Begin: beginVictims},
		{Name: "withhold", About: "report nothing about a tenth of the mixnodes, and what they measured for the others", Begin: beginWithhold},
		{Name: "favour", About: "report 100 for a tenth of the mixnodes, and what they measured for the others", Begin: beginFavour},
		{Name: "drifter", About: "report a quarter of a point less in every epoch", Begin: beginDrifter},
		{Name: "sleeper", About: "report the honest median for 15 epochs, and then 0 for every mixnode", Begin: beginSleeper},
		{Name: "framer", About: "push the median away from f honest Nym-APIs, within the honest values", Begin: beginFramer},
		{Name: "copier", About: "repeat what one honest Nym-API reports", Begin: beginCopier},
		{Name: "lazy", About: "repeat their own first report in every epoch", Begin: beginLazy},
		{Name: "best", About: "search for what hurts most under the rule that is judged, and keep their weight if it has weights", Adaptive: true, Begin: beginBest},

		{Name: "parrot", About: "repeat what an honest Nym-API reports, each another one", Special: true, Begin: beginParrot},
		{Name: "joiner", About: "repeat the mean of the two honest Nym-APIs whose errors agree most", Special: true, Begin: beginJoiner},
		{Name: "understate", About: "report 12 points less than they measured", Special: true, Begin: beginUnderstate},
		{Name: "pinpricks", About: "report 0 for a sixtieth of the mixnodes, and the honest median for the others", Special: true, Begin: beginPinpricks},
		{Name: "turncoat", About: "repeat what one honest Nym-API reports for 22 epochs, then 0 for every mixnode for 3, again and again", Special: true, Begin: beginTurncoat},
		{Name: "myopic", About: "search for what hurts most in this epoch", Adaptive: true, Special: true, Begin: beginMyopic},
		{Name: "winner", About: "search for what hurts most, and win every epoch with a block that leaves out honest reports", Adaptive: true, Special: true, Begin: beginWinner},
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

// Func is liars without memory that choose no block.
type Func func(epoch int, rows [][]metrics.Uptime)

// Report calls f. All reports are in the block.
func (f Func) Report(epoch int, rows [][]metrics.Uptime) []bool {
	f(epoch, rows)
	return nil
}
