package experiment

import (
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
)

// Section is one question of the experiment with the cells that answer it.
type Section struct {
	Name  string
	About string // what it varies, as a sentence
	// Cells returns the cells of the grid, always in the same order.
	Cells func() []Cell
	// Play plays one of the cells with one seed. It may be called concurrently.
	Play func(c Cell, seed uint64) ([]Outcome, error)
	// Quick reports whether a cell is one of a quick run. If it is nil, a few are chosen at equal
	// distances.
	Quick func(c Cell) bool
}

// Row is one line of the results.
type Row struct {
	Cell
	Seed uint64
	Outcome
}

// Sections returns all sections in the order of the results. They share the worlds that they play
// in, so each of them is computed once if cells of the same seed are played together.
func Sections() []Section {
	worlds := &observe.Worlds{}
	return []Section{
		{Name: "base", About: "The number of Nym-APIs and of liars, the lie, and the share of missing cells.", Cells: baseCells, Play: inWorld(worlds, nothing), Quick: quickBase},
		hosters().with(worlds),
		software(worlds),
		regions().with(worlds),
		recognised().with(worlds),
		packets().with(worlds),
		histories().with(worlds),
		{Name: "special", About: "Lies with questions of their own, by f liars.", Cells: specialCells, Play: inWorld(worlds, nothing)},
		{Name: "selection", About: "How payments shift the chances of 743 nodes to be drawn for 240 places.", Cells: selectionCells, Play: observed(worlds, playSelection)},
		{Name: "weights", About: "How wmedian weighs liars with a plan, poor observers and all others.", Cells: weightsCells, Play: observed(worlds, playWeights)},
		{Name: "number", About: "How many Nym-APIs there are: errors, lost epochs, traffic and work.", Cells: numberCells, Play: observed(worlds, playNumber)},
		{Name: "waiting", About: "How long Nym-APIs wait for reports, by several rules.", Cells: waitingCells, Play: observed(worlds, playWaiting)},
		{Name: "steering", About: "What honest reports that are held back or left out can shift.", Cells: steeringCells, Play: observed(worlds, playSteering)},
	}
}

// knownLies returns those of the names that are lies, in the same order.
func knownLies(names []string) []string {
	var known []string
	for _, name := range names {
		if _, ok := lies.Find(name); ok {
			known = append(known, name)
		}
	}
	return known
}

// baseCells varies what matters most in all combinations.
func baseCells() []Cell {
	var cells []Cell
	for _, n := range groupSizes {
		for _, missing := range []float64{0, 0.1, 0.25, 0.5} {
			c := Base("base", Honest)
			c.N, c.Missing = n, missing
			cells = append(cells, c)
			for _, lie := range lies.All() {
				if lie.Special {
					continue
				}
				for liars := 1; liars <= c.F()+1; liars++ {
					c.Lie, c.Liars = lie.Name, liars
					cells = append(cells, c)
				}
			}
		}
	}
	return cells
}

// quickBase selects one group, as many liars as it tolerates, and some gaps.
func quickBase(c Cell) bool {
	return c.N == 10 && c.Missing == 0.1 && (c.Liars == 0 || c.Liars == c.F())
}

// inWorld returns how cells are played in simulated worlds in which something happens, by the cell.
func inWorld(worlds *observe.Worlds, happens func(Cell) observe.Effect) func(Cell, uint64) ([]Outcome, error) {
	return observed(worlds, func(c Cell, o observe.Observations, seed uint64) ([]Outcome, error) {
		drawn := draw.State(seed)
		return Play(c, observe.Gaps(c.Missing)(happens(c)(o, drawn), drawn), seed)
	})
}

// observed returns how cells are played with what is observed in a world.
func observed(worlds *observe.Worlds, play func(Cell, observe.Observations, uint64) ([]Outcome, error)) func(Cell, uint64) ([]Outcome, error) {
	return func(c Cell, seed uint64) ([]Outcome, error) {
		o, err := worlds.Observe(observe.World{Seed: seed, Observers: c.N, Mixnodes: c.Mixnodes, Epochs: c.Epochs, Ticks: c.Ticks, Packets: c.Packets})
		if err != nil {
			return nil, err
		}
		return play(c, o, seed)
	}
}

// nothing is what happens in a world without effects.
func nothing(Cell) observe.Effect { return observe.Gaps(0) }
