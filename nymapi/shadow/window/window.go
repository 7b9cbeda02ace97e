package window

import (
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Submitter is who measured, with what it measured in the window.
type Submitter struct {
	Name        string
	Rows        int
	Unreachable int       // of the rows, those to which the node did not answer
	First, Last time.Time // of its measurements in the window
	After       int       // rows that it dated after the window
}

// Window holds the measurements of a span by node, submitter and epoch. It must not be modified
// and may be read concurrently.
type Window struct {
	Span
	Nodes      []Node      // node IDs by number, names as text
	Submitters []Submitter // by name
	Outside    []Submitter // those that have rows outside the window only, after it
	Tally      Tally

	cells [][][]Cell // by node, submitter (nil: no row) and epoch
	parts [][]part
}

// Cell returns what a submitter measured of a node in an epoch. All are numbers from 0.
func (w *Window) Cell(node, submitter, epoch int) Cell {
	if cells := w.cells[node][submitter]; cells != nil {
		return cells[epoch]
	}
	return Cell{}
}

// Report returns the mean of the values of a cell, rounded half up: what the submitter would
// report about the node. It is Missing without a row.
func (w *Window) Report(node, submitter, epoch int) metrics.Uptime {
	c := w.Cell(node, submitter, epoch)
	return mean(c.Sum, int64(c.Rows))
}

// Single returns the mean of all rows about a node in an epoch, no matter who submitted them. With
// runs above the number of these rows, a row that is not there counts as 0.
func (w *Window) Single(node, epoch, runs int) metrics.Uptime {
	var sum, rows int64
	for s := range w.Submitters {
		c := w.Cell(node, s, epoch)
		sum, rows = sum+c.Sum, rows+int64(c.Rows)
	}
	return mean(sum, max(rows, int64(runs)))
}

// Runs returns the largest number of rows that any node has in an epoch. With a monitor that
// measures all nodes in each run it is the number of runs.
func (w *Window) Runs(epoch int) int {
	most := 0
	for n := range w.Nodes {
		rows := 0
		for s := range w.Submitters {
			rows += int(w.Cell(n, s, epoch).Rows)
		}
		most = max(most, rows)
	}
	return most
}

// F returns how many of the submitters may be wrong if they are taken for Nym-APIs.
func (w *Window) F() int { return quorum.Faulty(max(1, len(w.Submitters))) }

// Live returns the epochs with at least one row, in order.
func (w *Window) Live() []int {
	var live []int
	for e := range w.Epochs {
		if w.Runs(e) > 0 {
			live = append(live, e)
		}
	}
	return live
}

// mean returns sum/count of millionths in hundredths of a percent, rounded half up.
func mean(sum, count int64) metrics.Uptime {
	if count == 0 {
		return metrics.Missing
	}
	divisor := count * (Full / int64(metrics.Full))
	return metrics.Uptime((2*sum + divisor) / (2 * divisor))
}
