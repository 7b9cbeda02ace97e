package answers

import (
	"fmt"
	"slices"
	"strconv"
)

// Figures returns all figures that the results have the cells for.
func (a *Answers) Figures() []Figure {
	var figures []Figure
	for _, p := range slices.Concat(a.basePanels(), a.sectionPanels()) {
		if len(p.order) > 0 {
			figures = append(figures, p.draw())
		}
	}
	return figures
}

const lossAxis = "mispaid, NYM an epoch"

// basePanels are the figures of the base grid: lies, sizes, gaps and numbers of liars.
func (a *Answers) basePanels() []*panel {
	return slices.Concat(a.liePanels(), a.worstPanels(), []*panel{a.liarPanel(), a.honestPanel()})
}

// standard is the condition of figures that vary something else.
const standardN = 10

// liePanels show each lie of f liars, without and with gaps.
func (a *Answers) liePanels() []*panel {
	var panels []*panel
	for _, missing := range []float64{0, 0.25} {
		percent := fmt.Sprintf("%g", 100*missing)
		p := newPanel("lies-missing-"+percent, fmt.Sprintf("Loss under each lie of f = 3 of 10 Nym-APIs, %s %% of the cells missing", percent), "lie", lossAxis,
			fmt.Sprintf("What each way loses under each lie, for 10 Nym-APIs of which 3 lie, with %s %% of the honest cells missing.", percent))
		for _, g := range a.of(baseSection) {
			if g.N == standardN && g.Missing == missing && (g.Liars == g.F() || g.Liars == 0) {
				a.addCell(p, g, g.Lie, loss)
			}
		}
		panels = append(panels, p)
	}
	return panels
}

// addCell adds a point for each way of a cell.
func (a *Answers) addCell(p *panel, g *group, name, measure string) {
	for _, w := range g.ways {
		if g.measured(w, measure) {
			p.add(series(g, w), name, a.interval(g.reported(w, measure)))
		}
	}
}

// worstPanels show the loss under the worst lie of each rule, for all numbers of Nym-APIs and
// shares of gaps.
func (a *Answers) worstPanels() []*panel {
	if a.verdict == nil {
		return nil
	}
	var panels []*panel
	bySize := map[float64]*panel{}
	gaps := newPanel("worst-by-missing", "Loss under the worst lie of up to f = 3 of 10 Nym-APIs", "missing cells, %", lossAxis,
		"What each rule loses under its worst lie, against the share of missing cells, for 10 Nym-APIs.")
	for _, c := range a.verdict.Conditions {
		percent := fmt.Sprintf("%g", 100*c.Missing)
		p := bySize[c.Missing]
		if p == nil {
			p = newPanel("worst-by-n-missing-"+percent, fmt.Sprintf("Loss under the worst lie of up to f liars, %s %% of the cells missing", percent), "N, Nym-APIs", lossAxis,
				fmt.Sprintf("What each rule loses under its worst lie, against the number of Nym-APIs, with %s %% of the cells missing.", percent))
			bySize[c.Missing], panels = p, append(panels, p)
		}
		for i, w := range c.Worst {
			p.add(a.verdict.Rules[i].Name, strconv.Itoa(c.N), w.Loss)
			if c.N == standardN {
				gaps.add(a.verdict.Rules[i].Name, percent, w.Loss)
			}
		}
	}
	return append(panels, gaps)
}

// liarPanel shows the loss under the worst lie for each number of liars up to f+1.
func (a *Answers) liarPanel() *panel {
	p := newPanel("worst-by-liars", "Loss under the worst lie of some of 10 Nym-APIs (f = 3)", "liars", lossAxis,
		"What each rule loses under its worst lie, against the number of liars, for 10 Nym-APIs without missing cells. Four are more than the rules tolerate.")
	if a.verdict == nil {
		return p
	}
	cells := a.of(baseSection)
	for liars := range standardN {
		for _, r := range a.verdict.Rules {
			worst := worstFor(r.Name, cells, func(g *group) bool { return g.N == standardN && g.Missing == 0 && g.Liars == liars })
			if worst != nil {
				p.add(r.Name, strconv.Itoa(liars), a.interval(worst.reported(r.Name, loss)))
			}
		}
	}
	return p
}

// honestPanel shows the error while nobody lies.
func (a *Answers) honestPanel() *panel {
	p := newPanel("honest-by-n", "Error while nobody lies and nothing is missing", "N, Nym-APIs", "RMSE, points",
		"The root mean square error of each way against the number of Nym-APIs, while nobody lies and nothing is missing.")
	for _, g := range a.of(baseSection) {
		if g.Liars == 0 && g.Missing == 0 {
			a.addCell(p, g, strconv.Itoa(g.N), "rmse")
		}
	}
	return p
}
