package experiment

import (
	"fmt"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies/trust"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// The factors of the cells about weights. All concern honest Nym-APIs, the last ones.
const (
	noiseFactor  = "noise"    // of the last one, as a multiple of that of the others
	brokenFactor = "broken"   // share of the paths of the last one
	biasFactor   = "bias"     // of the last two, in points
	steadyFactor = "steady"   // the same, with mixnodes that never change
	columnFactor = "mixnodes" // how many there are
	colluders    = "colluders"
)

// generalLies are those of package lies that concern weights, as far as they exist.
var generalLies = []string{
	"zero", "hundred", "victims", "shave", "understate", "drifter", "sleeper", "framer", "copier", "joiner", "parrot", "pinpricks", "turncoat",
}

// wakes is the first epoch in which liars lie that earn trust before.
var wakes = map[string]int{"sleeper": 16, "turncoat": 23}

// weightsCells has the lies at f, and with one liar more for some, and honest Nym-APIs that measure
// worse than others. There are as many mixnodes as where the authors of wmedian judged it.
func weightsCells() []Cell {
	var names []string
	for _, lie := range trust.All() {
		names = append(names, lie.Name)
	}
	names = append(names, knownLies(generalLies)...)
	var cells []Cell
	for _, n := range []int{4, 7, 10} {
		cells = append(cells, weightsCell(n, Honest))
		for _, lie := range names {
			cells = append(cells, weightsCell(n, lie))
		}
		gaps := weightsCell(n, "zero")
		gaps.Missing = 0.25
		many := weightsCell(n, "turncoat")
		many.Liars, many.Factor, many.Level = many.F()+1, colluders, "f+1"
		cells = append(cells, gaps, many)
		for _, bias := range []string{"-5", "-12"} {
			cells = append(cells, weightsCell(n, Honest).with(biasFactor, bias), weightsCell(n, "joiner").with(biasFactor, bias))
			cells = append(cells, weightsCell(n, "joiner").with(steadyFactor, bias))
		}
	}
	return append(cells, poorCells()...)
}

// poorCells has honest Nym-APIs only.
func poorCells() []Cell {
	var cells []Cell
	for _, times := range []string{"1.5", "2", "3"} {
		cells = append(cells, weightsCell(10, Honest).with(noiseFactor, times))
	}
	for _, share := range []string{"0.02", "0.05", "0.1", "0.2"} {
		cells = append(cells, weightsCell(10, Honest).with(brokenFactor, share))
	}
	for _, mixnodes := range []int{5, 20, 60} {
		c := weightsCell(10, Honest).with(columnFactor, strconv.Itoa(mixnodes))
		c.Mixnodes = mixnodes
		cells = append(cells, c)
	}
	return cells
}

func weightsCell(n int, lie string) Cell {
	c := Base("weights", lie)
	c.N, c.Mixnodes, c.Epochs, c.Liars, c.Estimators = n, 120, 40, 0, "median mad wmedian"
	if lie != Honest {
		c.Liars = c.F()
	}
	if lie == "turncoat" {
		c.Epochs = wakes[lie] + firstEpochs - 1 // the liars spend what they earned
	}
	return c
}

// with returns the cell with one factor varied.
func (c Cell) with(factor, level string) Cell {
	c.Factor, c.Level = factor, level
	return c
}

// playWeights plays a cell and watches weights.
func playWeights(c Cell, o observe.Observations, seed uint64) ([]Outcome, error) {
	effect, err := c.poor()
	if err != nil {
		return nil, err
	}
	o = observe.Gaps(c.Missing)(effect(o, draw.State(seed)), draw.State(seed))
	lie, a, err := c.attack()
	if err != nil {
		return nil, err
	}
	return c.playLie(lie, o, seed, func(payout.Way) watch { return newWeightsWatch(c, a) }), nil
}

// attack returns the lie of a cell, nil if nobody lies, and what is known about it.
func (c Cell) attack() (*lies.Lie, attack, error) {
	a := attack{liars: c.Liars, wakes: max(1, wakes[c.Lie]), targets: c.Mixnodes}
	if c.Lie == Honest {
		return nil, a, nil
	}
	if lie, ok := trust.Find(c.Lie); ok {
		if lie.Targets > 0 {
			a.targets = lie.Targets
		}
		return &lie.Lie, a, nil
	}
	lie, ok := lies.Find(c.Lie)
	if !ok {
		return nil, a, fmt.Errorf("play %s: unknown lie", c)
	}
	return &lie, a, nil
}

// poor returns what is wrong with honest Nym-APIs of a cell.
func (c Cell) poor() (observe.Effect, error) {
	nothing := func(o observe.Observations, _ draw.State) observe.Observations { return o }
	switch c.Factor {
	case "", colluders, columnFactor:
		return nothing, nil
	}
	level, err := strconv.ParseFloat(c.Level, 64)
	if err != nil {
		return nil, fmt.Errorf("play %s: level %q, expected a number", c, c.Level)
	}
	switch c.Factor {
	case noiseFactor:
		return observe.Noisier(c.N-1, level), nil
	case brokenFactor:
		return observe.Broken(c.N-1, level), nil
	case biasFactor:
		return observe.Shifted([]int{c.N - 2, c.N - 1}, level), nil
	case steadyFactor:
		return func(o observe.Observations, seed draw.State) observe.Observations {
			return observe.Shifted([]int{c.N - 2, c.N - 1}, level)(observe.Constant()(o, seed), seed)
		}, nil
	}
	return nil, fmt.Errorf("play %s: unknown factor", c)
}
