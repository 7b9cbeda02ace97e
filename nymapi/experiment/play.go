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
	var lie *lies.Lie
	if c.Lie != Honest && c.Liars > 0 {
		found, ok := lies.Find(c.Lie)
		if !ok {
			return nil, fmt.Errorf("play %s: unknown lie", c)
		}
		lie = &found
	}
	ways := c.Ways()
	outcomes := make([]Outcome, len(ways))
	shared := c.begin(lie, seed, nil)
	if lie != nil && lie.Adaptive {
		for i, way := range ways {
			outcomes[i] = c.play([]payout.Way{way}, c.begin(lie, seed, way), o)[0]
		}
		return outcomes, nil
	}
	return c.play(ways, shared, o), nil
}

// begin returns the liars of a run, nil if nobody lies or the lie is adaptive and there is no way
// to judge by.
func (c Cell) begin(lie *lies.Lie, seed uint64, judge payout.Way) lies.Liars {
	if lie == nil || lie.Adaptive && judge == nil {
		return nil
	}
	s := lies.Scene{Draw: draw.State(seed).With(drawLies), N: c.N, F: c.F(), Mixnodes: c.Mixnodes, Judge: judge}
	for i := range c.Liars {
		s.Liars = append(s.Liars, i)
	}
	return lie.Begin(s)
}

// play settles all epochs with ways that see the same reports.
func (c Cell) play(ways []payout.Way, liars lies.Liars, o observe.Observations) []Outcome {
	scores := make([]scorer, len(ways))
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
			scores[i].add(way.Settle(reports), o.Truth[epoch])
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

// points returns an uptime that is not missing in points.
func points(v metrics.Uptime) float64 { return float64(v) / float64(metrics.PerPoint) }
