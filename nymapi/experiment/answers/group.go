package answers

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/intervals"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/records"
)

// ErrResults reports results that answer nothing because a part of them is not there.
var ErrResults = errors.New("cannot evaluate results")

// loss is the measure by which rules are judged, and reference the rule with which others are
// compared.
const (
	loss      = "mispaid"
	reference = "median"
)

// mostChoosing is the largest number of seeds that only choose.
const mostChoosing = 10

// group is a cell with the values of all its ways and seeds.
type group struct {
	experiment.Cell
	seeds  []uint64 // ascending
	ways   []string
	values map[string][][]float64 // by way, then measure and seed by index
	lines  int
}

// choosing returns how many of the first seeds choose and do not report. A single seed does both.
func choosing(seeds int) int { return min(mostChoosing, seeds/2) }

// chosen and reported return the values of a way for the seeds that choose, and for those that
// report; nil if the cell does not have the way.
func (g *group) chosen(way, measure string) []float64 {
	values := g.of(way, measure)
	if k := choosing(len(values)); k > 0 {
		return values[:k]
	}
	return values
}

func (g *group) reported(way, measure string) []float64 {
	values := g.of(way, measure)
	return values[choosing(len(values)):]
}

// of returns the values of a way for all seeds, nil if it has no values.
func (g *group) of(way, measure string) []float64 {
	i := slices.IndexFunc(experiment.Measures(), func(m experiment.Measure) bool { return m.Name == measure })
	if values := g.values[way]; values != nil && i >= 0 {
		return values[i]
	}
	return nil
}

// measured reports whether a way has values of a measure.
func (g *group) measured(way, measure string) bool {
	values := g.of(way, measure)
	return values != nil && intervals.Mean(values) == intervals.Mean(values)
}

// groups gathers records by cell, in the order in which they begin.
func groups(records []records.Record) ([]*group, error) {
	var all []*group
	byCell := map[experiment.Cell]*group{}
	for _, r := range records {
		g := byCell[r.Cell]
		if g == nil {
			g = &group{Cell: r.Cell, values: map[string][][]float64{}}
			byCell[r.Cell] = g
			all = append(all, g)
		}
		if !slices.Contains(g.ways, r.Way) {
			g.ways = append(g.ways, r.Way)
		}
		if !slices.Contains(g.seeds, r.Seed) {
			g.seeds = append(g.seeds, r.Seed)
		}
	}
	for _, g := range all {
		slices.Sort(g.seeds)
	}
	for _, r := range records {
		byCell[r.Cell].put(r)
	}
	for _, g := range all {
		if err := g.complete(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// put stores the values of a record, whose seed the group must have.
func (g *group) put(r records.Record) {
	values := g.values[r.Way]
	if values == nil {
		values = make([][]float64, len(r.Values))
		for i := range values {
			values[i] = make([]float64, len(g.seeds))
		}
		g.values[r.Way] = values
	}
	at, _ := slices.BinarySearch(g.seeds, r.Seed)
	for i, v := range r.Values {
		values[i][at] = v
	}
	g.lines++
}

// complete returns an error if a way lacks a seed.
func (g *group) complete() error {
	if g.lines != len(g.ways)*len(g.seeds) {
		return fmt.Errorf("%w: %s: expected %d ways with %d seeds each, got %d lines (run the experiment to its end)",
			ErrResults, g.Cell, len(g.ways), len(g.seeds), g.lines)
	}
	return nil
}
