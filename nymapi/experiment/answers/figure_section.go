package answers

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/intervals"
)

// sectionPanels are the figures of the other sections: each measure of its own, or the loss,
// against the level of its factor, while nobody lies and under the worst of its lies.
func (a *Answers) sectionPanels() []*panel {
	var panels []*panel
	for _, name := range a.sections() {
		if name != baseSection {
			panels = append(panels, a.panelsOf(name)...)
		}
	}
	return panels
}

// panelsOf returns the figures of a section that have points.
func (a *Answers) panelsOf(section string) []*panel {
	var panels []*panel
	cells := a.of(section)
	for _, m := range a.measuresOf(cells) {
		for _, lies := range []bool{false, true} {
			if p := a.sectionPanel(section, cells, m, lies); len(p.order) > 0 {
				panels = append(panels, p)
			}
		}
	}
	return panels
}

// measuresOf returns what the figures of a section show: what the base section does not measure, or
// else the loss, and lost epochs if there are any.
func (a *Answers) measuresOf(cells []*group) []experiment.Measure {
	var special, general []experiment.Measure
	common := commonMeasures()
	for _, m := range experiment.Measures() {
		has := slices.ContainsFunc(cells, func(g *group) bool {
			return slices.ContainsFunc(g.ways, func(w string) bool { return g.measured(w, m.Name) })
		})
		switch {
		case !has:
		case m.Name == missed:
			if slices.ContainsFunc(cells, misses) {
				special, general = append(special, m), append(general, m)
			}
		case !slices.Contains(common, m.Name):
			special = append(special, m)
		case m.Name == loss:
			general = append(general, m)
		}
	}
	if slices.ContainsFunc(special, func(m experiment.Measure) bool { return m.Name != missed }) {
		return special
	}
	return general
}

// missed is the measure of lost epochs. It is in every section, and shown where it is not 0.
const missed = "missed"

// misses reports whether some way loses an epoch in a cell.
func misses(g *group) bool {
	return slices.ContainsFunc(g.ways, func(w string) bool {
		return slices.ContainsFunc(g.of(w, missed), func(v float64) bool { return v > 0 })
	})
}

// commonMeasures are those of all sections, and bounds of one of them.
func commonMeasures() []string {
	return []string{
		"rmse", "bias", "worst", "overpaid", "underpaid", loss, "fresh", "carried", "unpaid",
		"mispaid_low", "mispaid_high", "difference_low", "difference_high",
	}
}

// sectionPanel shows a measure against the levels, either while nobody lies or under the lie that
// is worst for each way at each level.
func (a *Answers) sectionPanel(section string, cells []*group, m experiment.Measure, lies bool) *panel {
	name, under := section+"-"+m.Name+"-honest", "while nobody lies"
	if lies {
		name, under = section+"-"+m.Name+"-worst", "under the worst lie of the section"
	}
	axis := newAxis(cells)
	p := newPanel(name, fmt.Sprintf("%s: %s %s", section, m.Name, under), axis.name, m.Name+", "+m.Unit, sentence(m.About)+" Shown "+under+", against: "+axis.name+".")
	cells = slices.DeleteFunc(slices.Clone(cells), func(g *group) bool { return (g.Liars > 0) != lies })
	var levels []string
	for _, g := range cells {
		if level := axis.label(g); !slices.Contains(levels, level) {
			levels = append(levels, level)
		}
	}
	for _, level := range levels {
		for _, s := range allSeries(cells) {
			if i, ok := a.worstAt(cells, func(g *group) bool { return axis.label(g) == level }, s, m); ok {
				p.add(s, level, i)
			}
		}
	}
	return p
}

// worstAt returns the worst of a series at a level, by the seeds that choose.
func (a *Answers) worstAt(cells []*group, at func(*group) bool, name string, m experiment.Measure) (intervals.Interval, bool) {
	var worst *group
	most := math.Inf(-1)
	for _, g := range cells {
		w := wayOf(g, name)
		if !at(g) || w == "" || !g.measured(w, m.Name) {
			continue
		}
		mean := intervals.Mean(g.chosen(w, m.Name))
		if !m.Less {
			mean = -mean
		}
		if mean > most {
			worst, most = g, mean
		}
	}
	if worst == nil {
		return intervals.Interval{}, false
	}
	return a.interval(worst.reported(wayOf(worst, name), m.Name)), true
}

// An axis is what the cells of a section vary, other than lies.
type axis struct {
	name                         string
	sizes, gaps, factors, levels bool // vary
}

func newAxis(cells []*group) axis {
	varies := func(of func(*group) any) bool {
		return slices.ContainsFunc(cells, func(g *group) bool { return of(g) != of(cells[0]) })
	}
	x := axis{
		sizes: varies(func(g *group) any { return g.N }), gaps: varies(func(g *group) any { return g.Missing }),
		factors: varies(func(g *group) any { return g.Factor }), levels: varies(func(g *group) any { return g.Level }),
	}
	var names []string
	if x.sizes {
		names = append(names, "N")
	}
	if x.gaps {
		names = append(names, "missing")
	}
	switch {
	case x.factors:
		names = append(names, "factor")
	case x.levels:
		names = append(names, cells[0].Factor)
	}
	x.name = strings.Join(names, ", ")
	return x
}

// label returns the name of a cell on the axis.
func (x axis) label(g *group) string {
	var parts []string
	if x.sizes {
		parts = append(parts, fmt.Sprintf("N=%d", g.N))
	}
	if x.gaps {
		parts = append(parts, fmt.Sprintf("%g%%", 100*g.Missing))
	}
	if x.factors {
		parts = append(parts, g.Factor)
	}
	if x.levels {
		parts = append(parts, g.Level)
	}
	if len(parts) == 0 {
		return "all"
	}
	return strings.Join(parts, " ")
}

// sentence ends a text with a full stop.
func sentence(text string) string {
	if text == "" || text[len(text)-1] == '.' {
		return text
	}
	return text + "."
}
