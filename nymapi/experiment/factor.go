package experiment

import (
	"strconv"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
)

// factor is something that is varied alone, in otherwise equal cells.
type factor struct {
	section, about string
	name           string // of the column factor
	levels         []int
	// change makes a cell one of that level. It may be nil.
	change func(c *Cell, level int)
	// happens returns what happens in cells of that level. It may be nil.
	happens func(c Cell, level int) observe.Effect
}

// with returns the section of a factor, for cells of honest Nym-APIs and of f liars with each of
// the short lies, in worlds that it shares.
func (f factor) with(worlds *observe.Worlds) Section {
	return Section{Name: f.section, About: f.about, Cells: f.cells, Play: inWorld(worlds, f.effect)}
}

func (f factor) cells() []Cell {
	var cells []Cell
	for _, level := range f.levels {
		for _, lie := range shortLies() {
			c := Base(f.section, lie)
			c.Factor, c.Level = f.name, strconv.Itoa(level)
			if f.change != nil {
				f.change(&c, level)
			}
			cells = append(cells, c)
		}
	}
	return cells
}

func (f factor) effect(c Cell) observe.Effect {
	level, err := strconv.Atoi(c.Level)
	if f.happens == nil || err != nil {
		return nothing(c)
	}
	return f.happens(c, level)
}

// shortLies returns what is combined with single factors: nobody lies, and lies that differ most
// from each other in what they do to estimators.
func shortLies() []string {
	return append([]string{Honest}, knownLies([]string{"zero", "victims", "withhold", "shave", "best"})...)
}
