package experiment

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
)

// ErrTrace reports a trace with too few observers.
var ErrTrace = errors.New("bad trace for an experiment")

// groupSizes are the numbers of Nym-APIs in the grid: 3f+1, and 17 with one more than f needs.
var groupSizes = []int{4, 7, 10, 13, 17}

// Recorded returns a section that plays what observers recorded: half of them at most report, drawn
// by the seed, and the others are the truth (see [observe.Recorded]). The error wraps [ErrTrace].
func Recorded(name, about string, t *trace.Trace) (Section, error) {
	n := 0
	for _, size := range groupSizes {
		if 2*size <= len(t.Observers) {
			n = size
		}
	}
	if n == 0 {
		return Section{}, fmt.Errorf("%w: %d observers, expected at least %d: half of them report, and the others are the truth",
			ErrTrace, len(t.Observers), 2*groupSizes[0])
	}
	base := func(lie string) Cell {
		c := Base(name, lie)
		c.N, c.Mixnodes, c.Epochs, c.Ticks = n, len(t.Mixnodes), len(t.Epochs), 1
		if lie != Honest {
			c.Liars = c.F()
		}
		return c
	}
	poor := poorObservers(t)
	return Section{Name: name, About: about, Cells: func() []Cell { return append(recordedCells(base), poor.cells(base)...) }, Play: func(c Cell, seed uint64) ([]Outcome, error) {
		drawn := draw.State(seed)
		if c.Factor != "" {
			return poor.play(c, seed)
		}
		o, err := observe.Recorded(t, c.N, drawn)
		if err != nil {
			return nil, err
		}
		return playRecorded(c, observe.Gaps(c.Missing)(o, drawn), seed)
	}}, nil
}

// recordedCells combines all lies that are not special with no gaps and many.
func recordedCells(base func(lie string) Cell) []Cell {
	var cells []Cell
	for _, missing := range []float64{0, 0.25} {
		c := base(Honest)
		c.Missing = missing
		cells = append(cells, c)
		for _, lie := range lies.All() {
			if lie.Special {
				continue
			}
			c := base(lie.Name)
			c.Missing = missing
			cells = append(cells, c)
		}
	}
	return cells
}
