package experiment

import (
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// recordedPoor is a trace with observers that are honest and measure much worse than the others.
type recordedPoor struct {
	trace *trace.Trace
	names []string
	must  []int // their indices
}

// poorFactor is the factor of cells in which they report.
const poorFactor = "poor"

// poorObservers returns those of the Seattle trace, whose values are about 18 points too low, and
// none for other traces.
func poorObservers(t *trace.Trace) recordedPoor {
	p := recordedPoor{trace: t, names: []string{"n09", "n11"}}
	for _, name := range p.names {
		if i := slices.Index(t.Observers, name); i >= 0 {
			p.must = append(p.must, i)
		}
	}
	return p
}

// cells returns the cell in which they all report and nobody lies.
func (p recordedPoor) cells(base func(lie string) Cell) []Cell {
	if len(p.must) < len(p.names) {
		return nil
	}
	return []Cell{base(Honest).with(poorFactor, strings.Join(p.names, " "))}
}

// play plays that cell and watches weights.
func (p recordedPoor) play(c Cell, seed uint64) ([]Outcome, error) {
	o, err := observe.Recorded(p.trace, c.N, draw.State(seed), p.must...)
	if err != nil {
		return nil, err
	}
	all := attack{wakes: 1, targets: c.Mixnodes}
	return c.playLie(nil, o, seed, func(payout.Way) watch { return newWeightsWatch(c, all) }), nil
}
