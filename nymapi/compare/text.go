package compare

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
)

// WriteText writes the report of a run for people: what was paid in each mode, how the race went, a
// line for each estimator, and what the numbers mean. No line is wider than 80 columns.
func WriteText(w io.Writer, p *Plan, s Summary) error {
	var b strings.Builder
	b.WriteString(paragraph.Wrap(p.Title()) + "\n\n")
	b.WriteString(qualityTable(p, s) + "\n")
	paragraphs(&b, s.legend())
	b.WriteString("\n" + raceTable(s) + "\n")
	if p.Performance {
		b.WriteString("\n" + contractTable(s) + "\n")
	}
	paragraphs(&b, p.sentences(s))
	if lines := s.evidence(); len(lines) > 0 {
		b.WriteString("\n" + strings.Join(lines, "\n") + "\n")
	}
	for _, m := range s.Modes {
		if m.EphemeraSummary != nil && len(m.Estimators) > 0 && s.Truth != "" {
			b.WriteString("\n" + paragraph.Wrap(estimatorTitle(m.Estimators[0].Quality)) + "\n")
			b.WriteString(estimatorTable(p, s.Common(), m.Estimators) + "\n")
			paragraphs(&b, p.estimatorSentences(m.Estimators))
		}
	}
	paragraphs(&b, missedSentences(s.Missed))
	_, err := io.WriteString(w, b.String())
	return err
}

// evidence says for each mode what the checks of its evidence found, in a line unless it is much.
func (s Summary) evidence() []string {
	var lines []string
	for _, m := range s.Modes {
		if v := m.Verification; v != nil {
			lines = append(lines, paragraph.Wrap(fmt.Sprintf("Evidence in %s: %s", m.Mode.Short(), v.Sentence())))
		}
	}
	return lines
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

// qualityTable returns how many cells each mode paid, and how far from the truth.
func qualityTable(p *Plan, s Summary) string {
	head := table.Row{
		"cells", "fresh", "carried", "unpaid", "RMSE\nfresh", "RMSE\npaid", "RMSE\n" + s.Common(), "bias", "over-\npaid", "under-\npaid",
	}
	row := func(name string, q Quality) table.Row {
		return table.Row{
			name, cellCount(q.Fresh), cellCount(q.Carried), cellCount(q.Unpaid), points(q.RMSEFresh), points(q.RMSE), points(q.RMSECommon),
			signed(q.Bias), points(q.Overpaid), points(q.Underpaid),
		}
	}
	var rows []table.Row
	for _, m := range s.Modes {
		rows = append(rows, row(m.Mode.Short(), m.Quality))
		if m.SingleSummary == nil || p.Nodes == 1 {
			continue
		}
		if all := m.Alone; len(all) > 0 {
			rows = append(rows, row("  best alone", all[0].Quality), row("  median alone", m.median()), row("  worst alone", all[len(all)-1].Quality))
		}
		if m.SameProbes != nil && m.SameProbes.RMSE != nil {
			rows = append(rows, row(fmt.Sprintf("  %d x packets", p.Nodes), *m.SameProbes))
		}
	}
	return paragraph.Table(head, rows)
}

// Common says which modes paid the cells that are compared, for the head of a column.
func (s Summary) Common() string {
	if len(s.Modes) > 2 {
		return "all"
	}
	return "both"
}

// legend explains the columns of qualityTable.
func (s Summary) legend() []string {
	legend := "A cell is one mixnode in one epoch. It is paid what was measured in the epoch (fresh), what was measured before (carried), or nothing."
	if s.Truth == "" {
		return []string{legend}
	}
	legend += fmt.Sprintf(" Errors are paid minus truth in points of 0 to 100. RMSE: over fresh cells, over all paid ones, and over the %d that %s modes "+
		"paid. Over- and underpaid: points per cell; an unpaid cell is lost in full.", s.CommonCells, s.Common())
	return []string{legend, s.truthSentence()}
}

// truthSentence says what the truth is, and what errors would be against the second one.
func (s Summary) truthSentence() string {
	sentence := fmt.Sprintf("Truth: %s.", s.Truth)
	var parts []string
	for _, m := range s.Modes {
		if m.RMSEOther != nil {
			parts = append(parts, fmt.Sprintf("%s %s (bias %s)", m.Mode.Short(), points(m.RMSEOther), signed(m.BiasOther)))
		}
	}
	if len(parts) == 0 {
		return sentence
	}
	return sentence + fmt.Sprintf(" Against %s, the RMSE over all paid cells is: %s.", s.TruthOther, strings.Join(parts, ", "))
}

// raceTable returns when each mode paid and what it sent.
func raceTable(s Summary) string {
	head := table.Row{
		"epochs", "rewarded", "missed", "max error", "ms until\naccepted\np50/max", "accepted\n/late\n/refused", "sent per\nnode and\nepoch",
	}
	var rows []table.Row
	won := ""
	for _, m := range s.Modes {
		rows = append(rows, table.Row{
			m.Mode.Short(), m.Rewarded, m.Epochs - m.Rewarded, points(m.MaxError), number(m.AcceptMSP50) + "/" + number(m.AcceptMSMax),
			fmt.Sprintf("%d/%d/%d", m.SubmissionsAccepted, m.SubmissionsLate, m.SubmissionsRefused), byteCount(m.BytesPerNodeEpoch),
		})
		won += "\n" + paragraph.Wrap(fmt.Sprintf("%s winners: %s", m.Mode.Short(), winners(m.Winners)))
	}
	return paragraph.Table(head, rows) + "\n" + won
}

// contractTable returns what Nym-APIs sent to the contract of each mode.
func contractTable(s Summary) string {
	head := table.Row{"to the contract", "transactions", "per epoch", "bytes", "per epoch"}
	var rows []table.Row
	for _, m := range s.Modes {
		epochs := max(1, m.Epochs)
		each := m.ContractBytes / int64(epochs)
		rows = append(rows, table.Row{
			m.Mode.Short(), m.Transactions, fmt.Sprintf("%.1f", float64(m.Transactions)/float64(epochs)), byteCount(&m.ContractBytes), byteCount(&each),
		})
	}
	return paragraph.Table(head, rows)
}

// estimatorTitle says over what cells the estimators are compared.
func estimatorTitle(q Quality) string {
	return fmt.Sprintf("The same certified reports under each estimator (of %d cells %d fresh, %d carried, %d unpaid):", q.Cells, q.Fresh, q.Carried, q.Unpaid)
}

func estimatorTable(p *Plan, common string, lines []EstimatorSummary) string {
	head := table.Row{"estimator", "RMSE\nfresh", "RMSE\npaid", "RMSE\n" + common, "bias", "over-\npaid", "under-\npaid", "max\nerror"}
	if p.Source == SourceTrace {
		head = append(head, "RMSE by\nthe "+p.otherRule())
	}
	var rows []table.Row
	for _, e := range lines {
		row := table.Row{
			e.Name, points(e.RMSEFresh), points(e.RMSE), points(e.RMSECommon), signed(e.Bias), points(e.Overpaid), points(e.Underpaid), points(e.MaxError),
		}
		if p.Source == SourceTrace {
			row = append(row, points(e.RMSEOther))
		}
		rows = append(rows, row)
	}
	return paragraph.Table(head, rows)
}

// otherRule returns what does not make the truth of a trace.
func (p *Plan) otherRule() string {
	if p.TruthBy == TruthMean {
		return TruthMedian
	}
	return TruthMean
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

// cellCount returns a number of cells in at most six characters.
func cellCount(cells int) string {
	if cells < 1_000_000 {
		return strconv.Itoa(cells)
	}
	return fmt.Sprintf("%.1fM", float64(cells)/1e6)
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
