package shadow

import (
	"io"
	"strconv"
	"time"

	"github.com/ephemera-go/nym-rewarding/metrics/spreadsheet"
)

// WriteCSV writes scores.csv: a line for each epoch and node that has a row in it, with what each
// rule scores, and what each submitter reports, in points. Missing values are empty, and names
// that a spreadsheet would compute begin with an apostrophe.
func (o *Outcome) WriteCSV(to io.Writer) error {
	w, out := o.window, spreadsheet.NewWriter(to)
	header := append([]string{"epoch", "role", "node", "rows", "unreachable", "submitters"}, o.scores.Names...)
	for _, s := range w.Submitters {
		header = append(header, "report of "+s.Name)
	}
	if err := out.Write(header...); err != nil {
		return err
	}
	line := make([]string, 0, len(header))
	for e := range w.Epochs {
		start := w.Begin(e).UTC().Format(time.RFC3339)
		for n, node := range w.Nodes {
			rows, unreachable := 0, 0
			for s := range w.Submitters {
				c := w.Cell(n, s, e)
				rows, unreachable = rows+int(c.Rows), unreachable+int(c.Unreachable)
			}
			if rows == 0 {
				continue
			}
			line = append(line[:0], start, node.Role, node.Name, strconv.Itoa(rows), strconv.Itoa(unreachable), strconv.Itoa(o.reports(n, e)))
			for _, values := range o.scores.Values {
				line = append(line, values[e][n].String())
			}
			for s := range w.Submitters {
				line = append(line, w.Report(n, s, e).String())
			}
			if err := out.Write(line...); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}
