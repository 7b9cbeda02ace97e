package compare

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
)

// WriteText writes the report of a run for people: a row for each mode, a line for each estimator,
// and what the numbers mean.
func WriteText(w io.Writer, p *Plan, s Summary) error {
	var b strings.Builder
	b.WriteString(paragraph.Wrap(p.Title()) + "\n\n")
	b.WriteString(modeTable(p, s) + "\n")
	if slices.ContainsFunc(s.Modes, func(m ModeSummary) bool { return m.RMSE != nil }) {
		b.WriteString("RMSE, bias and max error are in points of 0 to 100.\n")
	}
	paragraphs(&b, p.sentences(s))
	for _, m := range s.Modes {
		if m.EphemeraSummary != nil {
			b.WriteString("\nThe same certified reports under each estimator:\n")
			b.WriteString(estimatorTable(p, m.Estimators) + "\n")
			paragraphs(&b, p.estimatorSentences(m.Estimators))
		}
	}
	paragraphs(&b, missedSentences(s.Missed))
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteNextSteps writes commands for a closer look at a run. dir is the folder of its results.
func WriteNextSteps(w io.Writer, p *Plan, dir string) error {
	var b strings.Builder
	b.WriteString("\nNext steps:\n")
	for _, c := range p.commands(dir) {
		fmt.Fprintf(&b, "  %s\n%s\n", c.what, c.lines("    "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Title returns a line that says what is compared.
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
	return title + ": " + p.faults() + "."
}

// faults says who lies and who is offline.
func (p *Plan) faults() string {
	var parts []string
	if liars := p.roles.liars; len(liars) > 0 {
		parts = append(parts, fmt.Sprintf("%s %s (%s)", listed(liars), verb(liars, "lies", "lie"), p.Lie))
	}
	if offline := p.roles.offline; len(offline) > 0 {
		parts = append(parts, fmt.Sprintf("%s %s offline", listed(offline), verb(offline, "is", "are")))
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

// paragraphs writes sentences as wrapped paragraphs.
func paragraphs(b *strings.Builder, sentences []string) {
	for _, sentence := range sentences {
		b.WriteString("\n" + paragraph.Wrap(sentence) + "\n")
	}
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

// modeTable returns a table that usually fits 80 columns: it has no lines between columns, and the
// winners have a separate row.
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

// appendAlone appends the errors of the single mode with another Nym-API, or with more packets.
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

// none is shown for a missing value.
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

// winners lists the number of epochs won by each Nym-API, the highest first.
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
	if len(names) == 0 {
		return none
	}
	shown := len(names)
	if shown > mostWinners+1 { // "1 more" would be as long as the name
		shown = mostWinners
	}
	var parts []string
	for _, name := range names[:shown] {
		parts = append(parts, fmt.Sprintf("%s: %d", name, won[name]))
	}
	if hidden := len(names) - shown; hidden > 0 {
		parts = append(parts, fmt.Sprintf("%d more", hidden))
	}
	return strings.Join(parts, ", ")
}

// mostWinners is how many names fit next to a number of further ones.
const mostWinners = 3
