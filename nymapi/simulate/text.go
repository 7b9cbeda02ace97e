package simulate

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
)

// WriteText writes the summary of a day for people, in at most 80 columns.
func (d Day) WriteText(w io.Writer, s Summary) error {
	var b strings.Builder
	c := d.Config
	say := func(format string, args ...any) { b.WriteString(paragraph.Wrap(fmt.Sprintf(format, args...)) + "\n") }
	say("%d Nym-APIs (f = %d), %d epochs of %s, links %s, frontiers every %s, reports of %d bytes, seed %d: %s.",
		c.Nodes, c.F(), c.Epochs, c.Epoch, c.Latency, c.Interval(), d.Report, c.Seed, c.adversarySentence())
	t := newTable("", "p50", "p99", "max")
	t.AppendRows(slices.Concat(
		delays("from proposal to certificate", s.CertMS, s.LinkMS), delays("from proposal to delivery at all", s.DelivMS, s.LinkMS),
		delays("from the end of an epoch to its reward", s.RewardMS, 0),
	))
	b.WriteString("\n" + t.Render() + "\n")
	say("One link delay is %.1f ms, the median one-way delay between two members.", s.LinkMS)
	b.WriteString("\n" + traffic(s, c) + "\n\n" + costs(s) + "\n")
	say("The first row is simulated, without frontiers, which depend on how much happens. The other rows are formulas, " +
		"valid if nothing is lost, sent again or fetched.")
	b.WriteString("\n")
	say("Epochs rewarded: %d of %d. Blocks certified: %d. Violations: %d. Trace: %s.", s.Rewarded, s.Epochs, s.Blocks, s.Violated, s.TraceHash)
	for _, v := range s.Violation {
		fmt.Fprintf(&b, "VIOLATION of %s at %.3f ms: %s\n", v.Promise, v.AtMS, v.Text)
	}
	if !s.Finished {
		say("The run was stopped early: promises about its end were not checked.")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// schemeWidth is the width of the column of schemes.
const schemeWidth = 30

func (c Config) adversarySentence() string {
	if len(c.Adversaries) == 0 {
		return "all honest"
	}
	parts := make([]string, len(c.Adversaries))
	for i, a := range c.Adversaries {
		parts[i] = fmt.Sprintf("%d %s", a.Count, a.Adversary)
	}
	return strings.Join(parts, ", ") + ", all reporting zeros"
}

func newTable(head ...string) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Format.Header, style.Format.HeaderAlign = text.FormatDefault, text.AlignLeft
	t.SetStyle(style)
	row := make(table.Row, len(head))
	configs := make([]table.ColumnConfig, len(head))
	for i, name := range head {
		row[i] = name
		if i > 0 {
			configs[i] = table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight}
		}
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(row)
	return t
}

// delays returns a row with a spread in milliseconds and, if link is not 0, one in link delays.
func delays(name string, s Spread, link float64) []table.Row {
	row := func(name, format string, unit float64) table.Row {
		cells := table.Row{name}
		for _, value := range []*float64{s.P50, s.P99, s.Max} {
			cell := "-"
			if value != nil {
				cell = fmt.Sprintf(format, *value/unit)
			}
			cells = append(cells, cell)
		}
		return cells
	}
	if link == 0 {
		return []table.Row{row(name, "%.0f ms", 1)}
	}
	return []table.Row{row(name, "%.1f ms", 1), row("  in link delays", "%.2f", link)}
}

func traffic(s Summary, c Config) string {
	t := newTable("sent per node and epoch", "frames", "bytes")
	share := float64(c.Nodes * c.Epochs)
	for _, k := range s.Traffic {
		t.AppendRow(table.Row{k.Name, fmt.Sprintf("%.1f", float64(k.Frames)/share), bytesText(float64(k.Bytes) / share)})
	}
	return t.Render()
}

func costs(s Summary) string {
	t := newTable("scheme", "messages\nper block", "sent per node\nand epoch", "delivery,\nlink delays")
	for _, c := range s.Costs {
		name := c.Name + ", simulated"
		if c.Computed {
			name = c.Name + ", computed"
		}
		t.AppendRow(table.Row{text.WrapSoft(name, schemeWidth), fmt.Sprintf("%.1f", c.MessagesPerBlock), bytesText(float64(c.BytesPerNodeEpoch)), fmt.Sprintf("%.2f", c.DeliveryLinks)})
	}
	return t.Render()
}

func bytesText(bytes float64) string {
	switch {
	case bytes < 10_000:
		return fmt.Sprintf("%.0f B", bytes)
	case bytes < 10_000_000:
		return fmt.Sprintf("%.1f kB", bytes/1e3)
	default:
		return fmt.Sprintf("%.1f MB", bytes/1e6)
	}
}
