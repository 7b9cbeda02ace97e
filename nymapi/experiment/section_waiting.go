package experiment

import (
	"fmt"
	"math"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/waiting"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// Waiting is what a rule for waiting costs: see package waiting. Missed epochs have no delay.
type Waiting struct {
	Delay   float64 // mean time from an epoch's end to the block that wins, as a share of an epoch
	Longest float64 // the longest such time
	Reports float64 // share of the reports that are sent within half an epoch and are in that block
}

// situationFactor is the factor of the cells of this section: who reports when.
const situationFactor = "situation"

// drawWaiting is the word that separates the draws of this section from others.
const drawWaiting = 3000

// waitingCells has honest values everywhere.
func waitingCells() []Cell {
	var cells []Cell
	for _, s := range waiting.Situations() {
		for _, n := range []int{4, 10} {
			c := Base("waiting", Honest).with(situationFactor, s.Name)
			c.N, c.Mixnodes, c.Epochs = n, 60, 72 // three days of hours
			cells = append(cells, c)
		}
	}
	return cells
}

// playWaiting plays a cell by every rule for waiting. The ways of its outcomes are these rules. All
// pay the median of the reports in the block that wins.
func playWaiting(c Cell, o observe.Observations, seed uint64) ([]Outcome, error) {
	at := draw.State(seed).With(drawWaiting)
	var epochs []waiting.Epoch
	for _, s := range waiting.Situations() {
		if s.Name == c.Level {
			epochs = s.Epochs(c.N, c.Epochs, at)
		}
	}
	if epochs == nil {
		return nil, fmt.Errorf("play %s: unknown situation", c)
	}
	median, err := metrics.ParseEstimator("median")
	if err != nil {
		return nil, err
	}
	var outcomes []Outcome
	for _, rule := range waiting.Rules() {
		w := waiter{run: waiting.NewRun(rule, c.N, at)}
		way := payout.Group(c.N, median)
		for e, epoch := range epochs {
			w.settle(way, w.reports(epoch, c.Mixnodes, o.Values[e]), o.Truth[e])
		}
		outcomes = append(outcomes, Outcome{Way: rule.Name, Figures: w.figures()})
	}
	return outcomes, nil
}

// waiter is one rule in one run.
type waiter struct {
	scorer
	run     *waiting.Run
	delay   mean
	longest float64
	counted mean
}

// reports returns those in the block that wins, none for a missed epoch.
func (w *waiter) reports(e waiting.Epoch, mixnodes int, rows [][]metrics.Uptime) payout.Reports {
	d := w.run.Decide(e)
	if d.Missed {
		return payout.NewReports(mixnodes, make([][]metrics.Uptime, len(rows)))
	}
	delay := float64(d.At) / float64(waiting.Whole)
	w.delay.add(delay)
	w.longest = max(w.longest, delay)
	for i, in := range d.Reports {
		if e.Sent[i] <= waiting.Whole/2 {
			w.counted.addIf(in)
		}
	}
	return payout.NewReports(mixnodes, rows).Only(d.Reports)
}

func (w *waiter) figures() Figures {
	f := w.scorer.figures()
	result := Waiting{Delay: w.delay.value(), Longest: w.longest, Reports: w.counted.value()}
	if w.delay.count == 0 {
		result.Longest = math.NaN()
	}
	f.Waiting = &result
	return f
}

func waitingMeasures() []Measure {
	of := func(value func(Waiting) float64) func(Figures) float64 {
		return part(func(f Figures) *Waiting { return f.Waiting }, value)
	}
	return []Measure{
		{"delay", "share of an epoch", "From the end of an epoch to the block that wins.", true, of(func(w Waiting) float64 { return w.Delay })},
		{"longest_delay", "share of an epoch", "The longest such time.", true, of(func(w Waiting) float64 { return w.Longest })},
		{"reports", "share", "Reports sent that are in the block that wins.", false, of(func(w Waiting) float64 { return w.Reports })},
	}
}
