package shadow

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/spread"
)

// shownNodes is how many nodes the text lists.
const shownNodes = 10

// WriteText writes the figures for people. No line is wider than 80 columns.
func (s Summary) WriteText(w io.Writer) error {
	var b strings.Builder
	b.WriteString(paragraph.Wrap(s.Title()) + "\n")
	write := func(sentences ...string) {
		for _, sentence := range sentences {
			b.WriteString("\n" + paragraph.Wrap(sentence) + "\n")
		}
	}
	write(s.Roles(), s.RowsSentence())
	b.WriteString("\n" + s.submitterTable() + "\n")
	write(s.SubmitterLegend())
	write(s.StandOuts()...)
	write(s.Criterion)
	b.WriteString("\n" + s.ruleTable() + "\n")
	write(s.RuleLegend()...)
	b.WriteString("\n" + s.nodeTable() + "\n")
	write(s.NodeLegend())
	write(s.Findings()...)
	_, err := io.WriteString(w, b.String())
	return err
}

func (s Summary) submitterTable() string {
	head := table.Row{"submitter", "rows", "no\nrow %", "un-\nreached\n%", "distance\n95 %", "", "bias\n95 %", "", "stands\nout"}
	var rows []table.Row
	for _, line := range s.Submitters {
		rows = append(rows, table.Row{
			short(line.Name), line.Rows, percent(line.Missing, line.Cells), percent(line.Silence.Unreached, line.Silence.Measured),
			value(line.Distance), interval(line.Distance), signed(line.Bias), signedInterval(line.Bias), yes(line.StandOut),
		})
	}
	return paragraph.Table(head, rows)
}

func (s Summary) ruleTable() string {
	head := table.Row{"rule", "unpaid", "points\n95 %", "", "bias", "NYM per\nepoch", "95 %", "places\n95 %", ""}
	var rows []table.Row
	for _, p := range s.Rules {
		rows = append(rows, table.Row{
			p.Rule, p.Unpaid, value(p.Points), interval(p.Points), signed(p.Bias), value(p.NYM), interval(p.NYM), value(p.Places), interval(p.Places),
		})
	}
	return paragraph.Table(head, rows)
}

func (s Summary) nodeTable() string {
	head := table.Row{"node", "differ-\nence", "farthest\nsubmitter", "by\n95 %", "", "single\nminus\nrule", "NYM", "chance %\nsingle", "chance %\nrule", "stands\nout"}
	var rows []table.Row
	for _, n := range s.PerNode[:min(shownNodes, len(s.PerNode))] {
		nym := none
		if n.Epochs > 0 {
			nym = fmt.Sprintf("%+.2f", n.NYM)
		}
		rows = append(rows, table.Row{
			short(n.Name), value(n.Difference), short(n.FarthestName), signed(n.Deviation), signedInterval(n.Deviation), signed(n.Points), nym,
			fmt.Sprintf("%.1f", 100*n.SingleChance), fmt.Sprintf("%.1f", 100*n.RuleChance), yes(n.StandOut),
		})
	}
	return paragraph.Table(head, rows)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return ""
}

// none is shown for a missing figure.
const none = "-"

// value returns a figure with about three digits.
func value(e *spread.Estimate) string {
	if e == nil {
		return none
	}
	return digits(e.Value)
}

// interval returns the 95 % interval, and nothing if there are too few epochs for one.
func interval(e *spread.Estimate) string {
	if e == nil || !e.Interval() {
		return ""
	}
	return digits(e.Low) + ".." + digits(e.High)
}

// signed is value with a sign.
func signed(e *spread.Estimate) string {
	if e == nil {
		return none
	}
	return plus(e.Value)
}

// signedInterval is interval with signs.
func signedInterval(e *spread.Estimate) string {
	if e == nil || !e.Interval() {
		return ""
	}
	return plus(e.Low) + ".." + plus(e.High)
}

func plus(x float64) string {
	if text := digits(x); x < 0 {
		return text
	} else {
		return "+" + text
	}
}

func digits(x float64) string {
	switch size := max(x, -x); {
	case size < 9.995:
		return fmt.Sprintf("%.2f", x)
	case size < 99.95:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// percent returns a share in percent.
func percent(part, all int) string {
	if all == 0 {
		return none
	}
	return fmt.Sprintf("%.1f", 100*float64(part)/float64(all))
}

// short returns the beginning and the end of a long name.
func short(name string) string {
	const most, kept = 9, 4
	if len(name) <= most {
		return name
	}
	return name[:kept] + "…" + name[len(name)-kept:]
}
