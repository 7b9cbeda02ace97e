package simulate

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// WriteText writes the summary of a day for people.
func (d Day) WriteText(w io.Writer, s Summary) error {
	var b strings.Builder
	c := d.Config
	fmt.Fprintf(&b, "%d Nym-APIs (f = %d), %d epochs of %s, links %s, frontiers every %s, reports of %d bytes, seed %d: %s.\n\n",
		c.Nodes, c.F(), c.Epochs, c.Epoch, c.Latency, c.Interval(), d.Report, c.Seed, c.adversarySentence())
	t := newTable("", "p50", "p99", "max")
	t.AppendRows([]table.Row{
		delays("certificate at the creator", s.CertMS, s.LinkMS), delays("delivery at everybody", s.DelivMS, s.LinkMS),
		delays("epoch's end to its reward", s.RewardMS, 0),
	})
	b.WriteString(t.Render() + "\n")
	fmt.Fprintf(&b, "One link delay is %.1f ms, the median of one way between two members.\n\n", s.LinkMS)
	b.WriteString(traffic(s, c) + "\n\n" + costs(s) + "\n")
	b.WriteString("The first line was simulated, frontiers left out: they depend on how quiet the day is. The others are formulas for a day in which\nnothing is lost, sent again or fetched.\n\n")
	fmt.Fprintf(&b, "Epochs rewarded: %d of %d. Blocks certified: %d. Violations: %d. Trace: %s.\n", s.Rewarded, s.Epochs, s.Blocks, s.Violated, s.TraceHash)
	for _, v := range s.Violation {
		fmt.Fprintf(&b, "VIOLATION of %s at %.3f ms: %s\n", v.Promise, v.AtMS, v.Text)
	}
	if !s.Finished {
		b.WriteString("The run was stopped before its end: what was promised for the end was not judged.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

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

// delays shows a spread in milliseconds, and in link delays if there are any.
func delays(name string, s Spread, link float64) table.Row {
	row := table.Row{name}
	for _, value := range []*float64{s.P50, s.P99, s.Max} {
		switch {
		case value == nil:
			row = append(row, "-")
		case link > 0:
			row = append(row, fmt.Sprintf("%.1f ms = %.2f links", *value, *value/link))
		default:
			row = append(row, fmt.Sprintf("%.0f ms", *value))
		}
	}
	return row
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
	t := newTable("scheme", "messages per block", "sent per node and epoch", "delivery, link delays")
	for _, c := range s.Costs {
		name := c.Scheme + ", simulated"
		if c.Computed {
			name = c.Scheme + ", computed"
		}
		t.AppendRow(table.Row{name, fmt.Sprintf("%.1f", c.MessagesPerBlock), bytesText(float64(c.BytesPerNodeEpoch)), fmt.Sprintf("%.2f", c.DeliveryLinks)})
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
