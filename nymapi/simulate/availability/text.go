package availability

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/ephemera-go/nym-rewarding/nymapi/simulate/plots"
)

// hoursPerYear is how many hourly epochs a year has.
const hoursPerYear = 8766

// WriteJSON writes the table for programs.
func (t Table) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(t)
}

// WriteText writes the table and what it says for people.
func (t Table) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Epochs lost when each of N Nym-APIs is up that share of the time: exact, and drawn in %d epochs (seed %d).\n\n", t.Epochs, t.Seed)
	b.WriteString(t.render() + "\n")
	for _, sentence := range t.Sentences() {
		b.WriteString("\n" + sentence + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t Table) render() string {
	out := table.NewWriter()
	style := table.StyleLight
	style.Format.Header, style.Format.HeaderAlign = text.FormatDefault, text.AlignRight
	out.SetStyle(style)
	head, configs := table.Row{"N", "may be\ndown (f)", "must be\nup (n-f)"}, []table.ColumnConfig{{Number: 1, Align: text.AlignRight}}
	for _, share := range t.shares {
		head = append(head, fmt.Sprintf("up %s\nexact", share), fmt.Sprintf("up %s\ndrawn", share))
	}
	for i := range head {
		configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight})
	}
	out.SetColumnConfigs(configs)
	out.AppendHeader(head)
	for _, row := range t.Rows {
		cells := table.Row{row.N, row.F, row.Need}
		for _, f := range row.Figures {
			cells = append(cells, percent(f.Lost), percent(f.Simulated))
		}
		out.AppendRow(cells)
		if next := row.N; next < len(t.Rows) && t.Rows[next].F > row.F {
			out.AppendSeparator()
		}
	}
	return out.Render()
}

func percent(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }

// Sentences says what the table shows, one paragraph each.
func (t Table) Sentences() []string {
	var sentences []string
	for i, share := range t.shares {
		if len(t.Rows) < 4 || !t.worse(i) {
			continue
		}
		sentences = append(sentences, fmt.Sprintf(
			"Up %s of the time: one alone loses %s, two %s, three %s: two or three are worse than one, for none of them may be down. "+
				"Of a year's %d hourly epochs one loses %.3g, four lose %.3g.",
			share, percent(t.lost(1, i)), percent(t.lost(2, i)), percent(t.lost(3, i)), hoursPerYear, hoursPerYear*t.lost(1, i), hoursPerYear*t.lost(4, i)))
	}
	if steps := t.Steps(); len(steps) > 0 {
		sentences = append(sentences, fmt.Sprintf(
			"Tolerance steps up at N = %s, where f does. Between two steps every further Nym-API is only one more that may be down: choose N = 3f+1.",
			strings.Trim(strings.ReplaceAll(fmt.Sprint(steps), " ", ", "), "[]")))
	}
	return sentences
}

func (t Table) lost(n, share int) float64 { return t.Rows[n-1].Figures[share].Lost }

func (t Table) worse(share int) bool {
	return t.lost(1, share) < t.lost(2, share) && t.lost(2, share) < t.lost(3, share)
}

// Steps returns the N at which one more Nym-API may be down than with N-1.
func (t Table) Steps() []int {
	var steps []int
	for i := 1; i < len(t.Rows); i++ {
		if t.Rows[i].F > t.Rows[i-1].F {
			steps = append(steps, t.Rows[i].N)
		}
	}
	return steps
}

// leastShown is the smallest share that the figure shows: one hourly epoch in a hundred thousand
// years.
const leastShown = 1e-9

// Chart returns the table as a figure: lost epochs against N, a line for the exact values of each
// share and dots for the drawn ones.
func (t Table) Chart() plots.Chart {
	c := plots.Chart{
		Title: "Epochs lost when N-f of N Nym-APIs must be up", X: "N, Nym-APIs", Y: "share of the epochs that is lost (dots: drawn)",
		LogY: true, LeastY: leastShown, LabelY: func(v float64) string { return fmt.Sprintf("%.3g %%", 100*v) },
	}
	for _, row := range t.Rows {
		c.XTicks = append(c.XTicks, float64(row.N))
	}
	for i, share := range t.shares {
		exact := plots.Line{Name: fmt.Sprintf("each up %s of the time", share), Colour: i}
		drawn := plots.Line{Style: plots.Dots, Colour: i}
		for _, row := range t.Rows {
			exact.X, exact.Y = append(exact.X, float64(row.N)), append(exact.Y, row.Figures[i].Lost)
			drawn.X, drawn.Y = append(drawn.X, float64(row.N)), append(drawn.Y, row.Figures[i].Simulated)
		}
		c.Lines = append(c.Lines, exact, drawn)
	}
	return c
}
