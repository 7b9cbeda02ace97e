package answers

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/intervals"
)

// A Fact is one figure with its interval and a name by which documents cite it.
type Fact struct {
	Name string
	Text string // as documents have it
	intervals.Interval
}

// newFact returns the fact of an interval.
func newFact(name string, i intervals.Interval) Fact { return Fact{name, Cite(i), i} }

// Cite returns how documents write an interval: the mean, with the bounds in brackets.
func Cite(i intervals.Interval) string {
	if math.IsInf(i.Low, 0) || i.Low == i.High {
		return digits(i.Mean)
	}
	return fmt.Sprintf("%s (%s to %s)", digits(i.Mean), digits(i.Low), digits(i.High))
}

// digits returns a number with four digits, or fewer.
func digits(x float64) string {
	text := fmt.Sprintf("%.4g", x)
	switch {
	case strings.Contains(text, "e-"):
		text = strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.9f", x), "0"), ".")
	case strings.Contains(text, "e"):
		text = fmt.Sprintf("%.0f", x)
	}
	if text == "-0" {
		return "0"
	}
	return text
}

// factName returns the name of a measure of a way in a cell.
func factName(g *group, way, measure string) string {
	name := fmt.Sprintf("%s/n=%d/liars=%d/lie=%s/missing=%g", g.Section, g.N, g.Liars, g.Lie, g.Missing)
	if g.Factor != "" {
		name += "/" + g.Factor + "=" + g.Level
	}
	return name + "/" + way + "/" + measure
}

// Facts returns all facts: those of the verdict, of the claims about wmedian, of all cells, ways
// and measures, and of the differences from the median.
func (a *Answers) Facts() []Fact {
	facts := slices.Concat(a.verdictFacts(), a.claimsFacts(), a.summary)
	for _, c := range a.compared {
		facts = append(facts, newFact(factName(c.group, c.way, "difference"), c.difference))
	}
	return facts
}

// summarise returns the facts of all cells, ways and measures, on all cores.
func (a *Answers) summarise() []Fact {
	parts := make([][]Fact, len(a.groups))
	var wait sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		wait.Go(func() {
			for i := worker; i < len(a.groups); i += workers {
				parts[i] = a.factsOf(a.groups[i])
			}
		})
	}
	wait.Wait()
	var all []Fact
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

func (a *Answers) factsOf(g *group) []Fact {
	var facts []Fact
	for _, way := range g.ways {
		for _, m := range experiment.Measures() {
			if g.measured(way, m.Name) {
				facts = append(facts, newFact(factName(g, way, m.Name), a.interval(g.reported(way, m.Name))))
			}
		}
	}
	return facts
}
