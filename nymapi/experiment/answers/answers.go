package answers

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/claims"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/intervals"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/records"
)

// Answers are what results mean.
type Answers struct {
	groups     []*group
	bootstraps map[int]intervals.Bootstrap // by number of seeds
	verdict    *Verdict                    // nil without the cells that it needs
	compared   []comparison
	summary    []Fact
	claims     []claims.Claim
}

// New evaluates results. The error wraps [ErrResults].
func New(records []records.Record) (*Answers, error) {
	all, err := groups(records)
	if err != nil {
		return nil, err
	}
	a := &Answers{groups: all, bootstraps: map[int]intervals.Bootstrap{}}
	for _, g := range all {
		size := len(g.seeds) - choosing(len(g.seeds))
		if _, ok := a.bootstraps[size]; !ok {
			a.bootstraps[size] = intervals.New(size)
		}
	}
	if a.verdict, err = a.judge(); err != nil {
		return nil, err
	}
	a.compared = a.compare()
	a.summary = a.summarise()
	a.claims = claims.Compare(records)
	return a, nil
}

// Verdict returns the best rule by the criterion, nil if the results do not have the cells that it
// needs.
func (a *Answers) Verdict() *Verdict { return a.verdict }

func (a *Answers) interval(values []float64) intervals.Interval {
	return a.bootstraps[len(values)].Interval(values)
}

// sections returns the names of the sections in their order.
func (a *Answers) sections() []string {
	var names []string
	for _, g := range a.groups {
		if !slices.Contains(names, g.Section) {
			names = append(names, g.Section)
		}
	}
	return names
}

// of returns the cells of a section.
func (a *Answers) of(section string) []*group {
	var found []*group
	for _, g := range a.groups {
		if g.Section == section {
			found = append(found, g)
		}
	}
	return found
}

// A comparison is the difference of a way's loss from that of the reference in one cell.
type comparison struct {
	*group
	way         string
	difference  intervals.Interval
	p, adjusted float64
}

// significant is the p-value below which an adjusted difference holds.
const significant = 0.05

func (c comparison) holds() bool { return c.adjusted < significant }

// compare compares all ways with the reference in all cells in which both lose a known amount. The
// p-values are adjusted over all of them.
func (a *Answers) compare() []comparison {
	var all []comparison
	var p []float64
	for _, g := range a.groups {
		if !g.measured(reference, loss) {
			continue
		}
		base := g.reported(reference, loss)
		for _, way := range g.ways {
			if way == reference || !g.measured(way, loss) {
				continue
			}
			differences := intervals.Differences(g.reported(way, loss), base)
			c := comparison{group: g, way: way, difference: a.interval(differences), p: intervals.P(differences)}
			all, p = append(all, c), append(p, c.p)
		}
	}
	for i, adjusted := range intervals.Holm(p) {
		all[i].adjusted = adjusted
	}
	return all
}
