package availability

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
	"github.com/ephemera-go/nym-rewarding/nymapi/plots"
)

// hoursPerYear is the number of hourly epochs in a year.
const hoursPerYear = 8766

// WriteJSON writes the table as JSON.
func (t Table) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(t)
}

// WriteText writes the table and its explanation for people. With up to three shares it fits 80
// columns.
func (t Table) WriteText(w io.Writer) error {
	var b strings.Builder
	b.WriteString(paragraph.Wrap(fmt.Sprintf("Epochs lost, in percent, if each of N Nym-APIs is up for that share of the time: "+
		"exact, and drawn in %d epochs (seed %d).", t.Epochs, t.Seed)) + "\n\n")
	b.WriteString(t.render() + "\n")
	for _, sentence := range t.Sentences() {
		b.WriteString("\n" + paragraph.Wrap(sentence) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t Table) render() string {
	out := table.NewWriter()
	style := table.StyleLight
	style.Format.Header, style.Format.HeaderAlign = text.FormatDefault, text.AlignRight
	style.Options.SeparateColumns = false
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
			cells = append(cells, threeDigits(f.Lost), threeDigits(f.Simulated))
		}
		out.AppendRow(cells)
		if next := row.N; next < len(t.Rows) && t.Rows[next].F > row.F {
			out.AppendSeparator()
		}
	}
	return out.Render()
}

func threeDigits(share float64) string { return fmt.Sprintf("%.3g", 100*share) }

func percent(share float64) string { return threeDigits(share) + " %" }

// Sentences returns what the table shows, one paragraph each.
func (t Table) Sentences() []string {
	var sentences []string
	for i, share := range t.shares {
		if len(t.Rows) < 4 || !t.worse(i) {
			continue
		}
		sentences = append(sentences, fmt.Sprintf(
			"If each is up %s of the time, one Nym-API loses %s of the epochs, two lose %s and three %s: "+
				"two or three are worse than one, because none of them may be down. "+
				"Of the %d hourly epochs of a year, one Nym-API loses %.3g and four lose %.3g.",
			share, percent(t.lost(1, i)), percent(t.lost(2, i)), percent(t.lost(3, i)), hoursPerYear, hoursPerYear*t.lost(1, i), hoursPerYear*t.lost(4, i)))
	}
	if steps := t.Steps(); len(steps) > 0 {
		sentences = append(sentences, fmt.Sprintf(
			"Tolerance increases at N = %s, where f does. Between these steps every further Nym-API only adds one that may be down: choose N = 3f+1.",
			strings.Trim(strings.ReplaceAll(fmt.Sprint(steps), " ", ", "), "[]")))
	}
	return sentences
}

func (t Table) lost(n, share int) float64 { return t.Rows[n-1].Figures[share].Lost }

func (t Table) worse(share int) bool {
	return t.lost(1, share) < t.lost(2, share) && t.lost(2, share) < t.lost(3, share)
}

// Steps returns each N that tolerates one more Nym-API being down than N-1 does.
func (t Table) Steps() []int {
	var steps []int
	for i := 1; i < len(t.Rows); i++ {
		if t.Rows[i].F > t.Rows[i-1].F {
			steps = append(steps, t.Rows[i].N)
		}
	}
	return steps
}

// leastShown is the smallest share in the figure: one hourly epoch in a hundred thousand years.
const leastShown = 1e-9

// Chart returns a figure of the table: lost epochs against N, with a line for the exact values of
// each share and dots for the drawn ones.
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
