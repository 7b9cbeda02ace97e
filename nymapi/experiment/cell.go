package experiment

import (
	"fmt"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// Honest is the lie of cells without liars.
const Honest = "honest"

// Cell is one combination of what is varied. The zero values of what is not varied are not valid:
// start from Base.
type Cell struct {
	Section string // of the experiment to which it belongs
	N       int    // Nym-APIs
	Liars   int    // the first ones lie
	Lie     string // name of a lie, or Honest
	Missing float64
	Factor  string // what is varied other than these, empty for nothing
	Level   string // its value

	Mixnodes, Epochs, Ticks, Packets int

	// Estimators are the names of those by which the group decides, separated by spaces, empty for
	// all. Names that [metrics.ParseEstimator] refuses are left out.
	Estimators string
}

// DefaultEpochs is the number of epochs of cells in which it is not varied.
const DefaultEpochs = 100

// Base returns the cell from which one factor at a time is varied: 10 Nym-APIs of which f lie.
func Base(section, lie string) Cell {
	c := Cell{Section: section, N: 10, Lie: lie, Mixnodes: 240, Epochs: DefaultEpochs, Ticks: 4}
	if lie != Honest {
		c.Liars = c.F()
	}
	return c
}

// F returns how many liars the group tolerates.
func (c Cell) F() int { return quorum.Faulty(c.N) }

// String identifies the cell in one line.
func (c Cell) String() string {
	text := fmt.Sprintf("%s n=%d liars=%d lie=%s missing=%g", c.Section, c.N, c.Liars, c.Lie, c.Missing)
	if c.Factor != "" {
		text += fmt.Sprintf(" %s=%s", c.Factor, c.Level)
	}
	return text
}

// Ways returns new ways of deciding for the cell: the first Nym-API alone, which lies if anybody
// does, the last one alone, which is honest, the group with each estimator, and Nym's performance
// contract.
func (c Cell) Ways() []payout.Way {
	ways := []payout.Way{payout.Single(0)}
	if c.N > 1 {
		ways = append(ways, payout.Single(c.N-1))
	}
	for _, e := range c.estimators() {
		ways = append(ways, payout.Group(c.N, e))
	}
	return append(ways, payout.Performance())
}

func (c Cell) estimators() []metrics.Estimator {
	if c.Estimators == "" {
		return append(metrics.Estimators(), metrics.WeightedByHistory())
	}
	var chosen []metrics.Estimator
	for _, name := range strings.Fields(c.Estimators) {
		if e, err := metrics.ParseEstimator(name); err == nil {
			chosen = append(chosen, e)
		}
	}
	return chosen
}
