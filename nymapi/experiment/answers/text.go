package answers

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
)

// WriteText writes the answer for people, in at most 80 columns: the verdict, or without one the
// table of each section.
func (a *Answers) WriteText(w io.Writer) error {
	var b strings.Builder
	if a.verdict != nil {
		b.WriteString(paragraph.Wrap("Loss of each rule under its worst lies, in NYM an epoch: what is paid to the wrong mixnodes or not at all.") + "\n")
		b.WriteString(a.verdict.scoreTable() + "\n\n")
		b.WriteString(paragraph.Wrap("Loss under the worst lie of up to f liars, for each number of Nym-APIs and share of missing cells.") + "\n")
		b.WriteString(a.verdict.conditionTable() + "\n\n")
	} else {
		for _, name := range a.sections() {
			for _, p := range a.panelsOf(name) {
				b.WriteString(paragraph.Wrap(p.Chart.Title+", "+p.Chart.Y+".") + "\n" + p.table() + "\n\n")
			}
		}
	}
	for _, s := range a.Sentences() {
		b.WriteString(paragraph.Wrap(s) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (v *Verdict) scoreTable() string {
	head := table.Row{"rule", "score", "95 %\ninterval", "above\nbest", "adjusted\np", "regret\nmean", "regret\nlargest", "nobody\nlies", "f+1\nlie"}
	var rows []table.Row
	rules := slices.Clone(v.Rules)
	slices.SortStableFunc(rules, func(a, b Rule) int { return int(1e6 * (a.Score.Mean - b.Score.Mean)) })
	for _, r := range rules {
		p := "–"
		if r.Candidate && r.Name != v.Best {
			p = fmt.Sprintf("%.2g", r.Adjusted)
		}
		name := r.Name
		if !r.Candidate {
			name += "*"
		}
		rows = append(rows, table.Row{
			name, short(r.Score.Mean), bounds(r.Score), short(r.Difference.Mean), p,
			short(r.MeanRegret), short(r.LargeRegret), short(r.Honest.Mean), short(r.Beyond.Mean),
		})
	}
	return paragraph.Table(head, rows) + "\n* cannot be the best: one liar can move it as far as it wants."
}

func (v *Verdict) conditionTable() string {
	head := table.Row{"N", "missing"}
	for _, r := range v.Rules {
		head = append(head, r.Name)
	}
	var rows []table.Row
	for _, c := range v.Conditions {
		row, least := table.Row{c.N, fmt.Sprintf("%g %%", 100*c.Missing)}, -1
		for i, w := range c.Worst {
			row = append(row, short(w.Loss.Mean))
			if v.Rules[i].Candidate && (least < 0 || w.Loss.Mean < c.Worst[least].Loss.Mean) {
				least = i
			}
		}
		rows = append(rows, append(row, v.Rules[least].Name))
	}
	return paragraph.Table(append(head, "smallest"), rows)
}

// table returns the means of a panel: a row for each name of its axis, a column for each series. If
// it is too wide for a terminal, it is several tables with some of the columns each.
func (p *panel) table() string {
	for columns := len(p.order); ; columns-- {
		var parts []string
		fits := true
		for series := range slices.Chunk(p.order, max(1, columns)) {
			part := p.tableOf(series)
			parts, fits = append(parts, part), fits && width(part) <= paragraph.Width
		}
		if fits || columns <= 1 {
			return strings.Join(parts, "\n\n")
		}
	}
}

// width returns the length of the longest line.
func width(text string) int {
	longest := 0
	for line := range strings.SplitSeq(text, "\n") {
		longest = max(longest, utf8.RuneCountInString(line))
	}
	return longest
}

// tableOf returns a table of some series.
func (p *panel) tableOf(series []string) string {
	head := table.Row{p.Chart.X}
	for _, s := range series {
		head = append(head, strings.NewReplacer("-", "-\n", "lowmedian", "low\nmedian").Replace(s))
	}
	var rows []table.Row
	for at, name := range p.names {
		row := table.Row{name}
		for _, s := range series {
			value := "–"
			for _, point := range p.lines[s] {
				if point.name == at {
					value = short(point.Mean)
				}
			}
			row = append(row, value)
		}
		rows = append(rows, row)
	}
	return paragraph.Table(head, rows)
}
