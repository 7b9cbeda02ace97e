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
}

// Row is one line of the results.
type Row struct {
	Cell
	Seed uint64
	Outcome
}

// Sections returns all sections in the order of the results.
func Sections() []Section {
	return []Section{
		{Name: "base", About: "The number of Nym-APIs and of liars, the lie, and the share of missing cells.", Cells: baseCells, Play: playWorld},
		{Name: "selection", About: "How payments shift the chances of 743 nodes to be drawn for 240 places.", Cells: selectionCells, Play: playSelection},
		{Name: "weights", About: "How wmedian weighs liars with a plan, poor observers and all others.", Cells: weightsCells, Play: playWeights},
		{Name: "number", About: "How many Nym-APIs there are: errors, lost epochs, traffic and work.", Cells: numberCells, Play: playNumber},
		{Name: "waiting", About: "How long Nym-APIs wait for reports, by several rules.", Cells: waitingCells, Play: playWaiting},
		{Name: "steering", About: "What honest reports that are held back or left out can shift.", Cells: steeringCells, Play: playSteering},
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
	for _, n := range []int{4, 7, 10, 13, 17} {
		for _, missing := range []float64{0, 0.1, 0.25, 0.5} {
			c := Base("base", Honest)
			c.N, c.Missing = n, missing
			cells = append(cells, c)
			for _, lie := range lies.All() {
				for liars := 1; liars <= c.F()+1; liars++ {
					c.Lie, c.Liars = lie.Name, liars
					cells = append(cells, c)
				}
			}
		}
	}
	return cells
}

// playWorld plays a cell in a simulated world.
func playWorld(c Cell, seed uint64) ([]Outcome, error) {
	o, err := observe.World{Seed: seed, Observers: c.N, Mixnodes: c.Mixnodes, Epochs: c.Epochs, Ticks: c.Ticks, Packets: c.Packets}.Observe()
	if err != nil {
		return nil, err
	}
	return Play(c, observe.Gaps(c.Missing)(o, draw.State(seed)), seed)
}
