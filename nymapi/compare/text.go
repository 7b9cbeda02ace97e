package compare

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// WriteText writes what people read after a run: a row per mode, a line per estimator, what the
// numbers mean, and how to look further. dir is where the files are.
func WriteText(w io.Writer, p *Plan, s Summary, dir string) error {
	var b strings.Builder
	b.WriteString(wrap(p.Title(), width) + "\n\n")
	b.WriteString(modeTable(p, s) + "\n")
	paragraphs(&b, p.sentences(s))
	for _, m := range s.Modes {
		if m.EphemeraSummary != nil {
			b.WriteString("\nThe same certified reports under each estimator:\n")
			b.WriteString(estimatorTable(p, m.Estimators) + "\n")
			paragraphs(&b, p.estimatorSentences(m.Estimators))
		}
	}
	paragraphs(&b, missedSentences(s.Missed))
	b.WriteString("\nLook further:\n")
	for _, c := range p.commands(dir) {
		fmt.Fprintf(&b, "  %s\n    %s\n", c.what, c.line)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Title says in one line what is compared.
func (p *Plan) Title() string {
	epochs := "1 epoch"
	if p.Epochs != 1 {
		epochs = fmt.Sprintf("%d epochs", p.Epochs)
	}
	title := fmt.Sprintf("%d Nym-APIs, %d mixnodes, %s of %s, source %s, %s", p.Nodes, p.Mixnodes, epochs, p.Epoch, p.Source, p.Estimator)
	if p.Source != SourceTrace {
		title += fmt.Sprintf(", seed %d", p.Seed)
	}
	if p.Verify == VerifyNone {
		title += ", the contract verifies nothing"
	}
	return title + ": " + p.cast() + "."
}

// cast says who lies and who is away.
func (p *Plan) cast() string {
	var parts []string
	if liars := p.roles.liars; len(liars) > 0 {
		parts = append(parts, fmt.Sprintf("%s %s (%s)", listed(liars), verb(liars, "lies", "lie"), p.Lie))
	}
	if away := p.roles.offline; len(away) > 0 {
		parts = append(parts, fmt.Sprintf("%s %s away", listed(away), verb(away, "is", "are")))
	}
	if len(parts) == 0 {
		return "all honest"
	}
	return strings.Join(parts, ", ")
}

func listed(numbers []int) string {
	if len(numbers) == 1 {
		return fmt.Sprintf("Nym-API %d", numbers[0])
	}
	return "Nym-APIs " + joinInts(numbers)
}

func verb(numbers []int, one, many string) string {
	if len(numbers) == 1 {
		return one
	}
	return many
}

// width is that of the narrowest usual terminal, in columns.
const width = 80

// paragraphs writes sentences, one paragraph each, wrapped.
func paragraphs(b *strings.Builder, sentences []string) {
	for _, sentence := range sentences {
		b.WriteString("\n" + wrap(sentence, width) + "\n")
	}
}

// wrap breaks a paragraph at spaces.
func wrap(paragraph string, width int) string {
	lines := strings.Split(text.WrapSoft(paragraph, width), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ") // WrapSoft fills lines up
	}
	return strings.Join(lines, "\n")
}

func newTable() table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Format.Header, style.Format.HeaderAlign = text.FormatDefault, text.AlignLeft
	t.SetStyle(style)
	return t
}

func right(names ...string) []table.ColumnConfig {
	configs := make([]table.ColumnConfig, len(names))
	for i, name := range names {
		configs[i] = table.ColumnConfig{Name: name, Align: text.AlignRight, AlignHeader: text.AlignRight}
	}
	return configs
}

// modeTable is 80 columns wide with the usual figures, so that it is a table on every terminal: no
// lines between columns, and who won is a row of its own.
func modeTable(p *Plan, s Summary) string {
	t := newTable()
	t.Style().Options.SeparateColumns = false
	head := table.Row{
		"mode", "rewarded\n/missed", "RMSE", "bias", "max\nerror", "ms until\naccepted\np50/max",
		"accepted\n/late\n/refused", "sent per\nnode and\nepoch",
	}
	t.AppendHeader(head)
	columns := make([]table.ColumnConfig, len(head))
	for i := 1; i < len(columns); i++ {
		columns[i] = table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight}
	}
	t.SetColumnConfigs(columns)
	for _, m := range s.Modes {
		t.AppendRow(table.Row{
			m.Mode, fmt.Sprintf("%d/%d", m.Rewarded, m.Epochs-m.Rewarded), points(m.RMSE), signed(m.Bias), points(m.MaxError),
			number(m.AcceptMSP50) + "/" + number(m.AcceptMSMax),
			fmt.Sprintf("%d/%d/%d", m.SubmissionsAccepted, m.SubmissionsLate, m.SubmissionsRefused),
			byteCount(m.BytesPerNodeEpoch),
		})
		if m.SingleSummary != nil {
			appendAlone(t, p, m.SingleSummary)
		}
		won := make(table.Row, len(head))
		for i := range won {
			won[i] = "  winners: " + winners(m.Winners)
		}
		t.AppendRow(won, table.RowConfig{AutoMerge: true, AutoMergeAlign: text.AlignLeft})
	}
	return t.Render()
}

// appendAlone appends what the single mode would have paid with another Nym-API, or with more
// packets.
func appendAlone(t table.Writer, p *Plan, s *SingleSummary) {
	for _, line := range []struct {
		name string
		rmse *float64
	}{
		{"  best alone", s.RMSEBest},
		{"  median alone", s.RMSEMedian},
		{"  worst alone", s.RMSEWorst},
		{fmt.Sprintf("  %d x packets", p.Nodes), s.RMSESameProbes},
	} {
		if line.rmse != nil && p.Nodes > 1 {
			t.AppendRow(table.Row{line.name, "", points(line.rmse)})
		}
	}
}

func estimatorTable(p *Plan, lines []EstimatorSummary) string {
	t := newTable()
	t.SetColumnConfigs(right("RMSE", "bias", "max error"))
	t.AppendHeader(table.Row{"estimator", "RMSE", "bias", "max error", ""})
	for _, e := range lines {
		note := ""
		switch original, here := e.Name == "mean", e.Name == p.Estimator; {
		case original && here:
			note = "the original's rule, and this run's"
		case original:
			note = "the original's rule"
		case here:
			note = "the contract's rule in this run"
		}
		t.AppendRow(table.Row{e.Name, points(e.RMSE), signed(e.Bias), points(e.MaxError), note})
	}
	return t.Render()
}

// none stands where there is no value.
const none = "-"

func points(value *float64) string {
	if value == nil {
		return none
	}
	return fmt.Sprintf("%.2f", *value)
}

func signed(value *float64) string {
	if value == nil {
		return none
	}
	return fmt.Sprintf("%+.2f", *value)
}

func number(value *int64) string {
	if value == nil {
		return none
	}
	return strconv.FormatInt(*value, 10)
}

func byteCount(value *int64) string {
	switch {
	case value == nil:
		return none
	case *value < 10_000:
		return fmt.Sprintf("%d B", *value)
	case *value < 10_000_000:
		return fmt.Sprintf("%.1f kB", float64(*value)/1e3)
	default:
		return fmt.Sprintf("%.1f MB", float64(*value)/1e6)
	}
}

// winners lists who won how many epochs, most first.
func winners(won map[string]int) string {
	names := make([]string, 0, len(won))
	for name := range won {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if won[a] != won[b] {
			return won[b] - won[a]
		}
		return strings.Compare(a, b)
	})
	const most = 3
	parts := make([]string, 0, most)
	for i, name := range names {
		if i == most {
			parts = append(parts, fmt.Sprintf("%d more", len(names)-most))
			break
		}
		parts = append(parts, fmt.Sprintf("%s: %d", name, won[name]))
	}
	if len(parts) == 0 {
		return none
	}
	return strings.Join(parts, ", ")
}
