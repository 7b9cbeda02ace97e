package experiment

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// Outcome is how one way of deciding did in one cell with one seed.
type Outcome struct {
	Way string
	Figures
}

// drawLies is the word that separates the draws of liars from others.
const drawLies = 2000

// Play plays a cell with one seed. The observations must be those of the cell: at least N observers
// and the cell's gaps. The outcomes are in the order of [Cell.Ways]. The error reports an unknown
// lie.
func Play(c Cell, o observe.Observations, seed uint64) ([]Outcome, error) {
	return playWatched(c, o, seed, nil)
}

// watch measures what only one section measures, over the epochs of one way.
type watch interface {
	// see is called before the way settles an epoch with these reports.
	see(payout.Way, payout.Reports)
	// pay is called after it, with nil for a missed epoch.
	pay(paid []payout.Payment, truth []float64)
	// figures adds what was measured.
	figures(*Figures)
}

// playWatched is Play. It calls watched, if not nil, to watch each way.
func playWatched(c Cell, o observe.Observations, seed uint64, watched func(payout.Way) watch) ([]Outcome, error) {
	if c.Lie == Honest || c.Liars == 0 {
		return c.playLie(nil, o, seed, watched), nil
	}
	lie, ok := lies.Find(c.Lie)
	if !ok {
		return nil, fmt.Errorf("play %s: unknown lie", c)
	}
	return c.playLie(&lie, o, seed, watched), nil
}

// playLie plays a cell with a lie, nil if nobody lies.
func (c Cell) playLie(lie *lies.Lie, o observe.Observations, seed uint64, watched func(payout.Way) watch) []Outcome {
	ways := c.Ways()
	if lie == nil || !lie.Adaptive {
		return c.play(ways, c.begin(lie, seed, nil), o, watched)
	}
	outcomes := make([]Outcome, len(ways))
	for i, way := range ways {
		outcomes[i] = c.play([]payout.Way{way}, c.begin(lie, seed, way), o, watched)[0]
	}
	return outcomes
}

// begin returns the liars of a run, nil if nobody lies. Judge is the way that adaptive lies judge
// by.
func (c Cell) begin(lie *lies.Lie, seed uint64, judge payout.Way) lies.Liars {
	if lie == nil {
		return nil
	}
	s := lies.Scene{Draw: draw.State(seed).With(drawLies), N: c.N, F: c.F(), Mixnodes: c.Mixnodes, Judge: judge}
	for i := range c.Liars {
		s.Liars = append(s.Liars, i)
	}
	return lie.Begin(s)
}

// play settles all epochs with ways that see the same reports.
func (c Cell) play(ways []payout.Way, liars lies.Liars, o observe.Observations, watched func(payout.Way) watch) []Outcome {
	scores := make([]scorer, len(ways))
	for i, way := range ways {
		if watched != nil {
			scores[i].watch = watched(way)
		}
	}
	for epoch := range o.Epochs() {
		rows := slices.Clone(o.Values[epoch][:c.N])
		var block []bool
		if liars != nil {
			for i := range c.Liars {
				rows[i] = c.measured(rows[i])
			}
			block = liars.Report(epoch+1, rows)
		}
		all := payout.NewReports(c.Mixnodes, rows)
		inBlock := all.Only(block)
		for i, way := range ways {
			reports := inBlock
			if payout.Alone(way) {
				reports = all
			}
			scores[i].settle(way, reports, o.Truth[epoch])
		}
	}
	outcomes := make([]Outcome, len(ways))
	for i, way := range ways {
		outcomes[i] = Outcome{Way: way.Name(), Figures: scores[i].figures()}
	}
	return outcomes
}

// measured returns a copy of what a liar measured. A liar that would not report, because its hoster
// is down for example, has measured nothing, but still lies: it may be elsewhere.
func (c Cell) measured(row []metrics.Uptime) []metrics.Uptime {
	if row == nil {
		return slices.Repeat([]metrics.Uptime{metrics.Missing}, c.Mixnodes)
	}
	return slices.Clone(row)
}
