package spread

import (
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/window"
)

// Silence tells apart what a submitter did not measure from what did not answer it. A cell is a
// node and an epoch.
type Silence struct {
	Cells     int `json:"cells"`     // that anybody measured
	Missing   int `json:"missing"`   // of them, those without a row of the submitter
	Absent    int `json:"absent"`    // of the missing ones, those of epochs without any row of it
	Measured  int `json:"measured"`  // cells with a row of the submitter
	Unreached int `json:"unreached"` // of them, those in which the node answered none of its rows
}

// Silences returns what each submitter did not measure, in the order of the window.
func Silences(w *window.Window) []Silence {
	found := make([]Silence, len(w.Submitters))
	for e := range w.Epochs {
		cells := 0
		measured := make([]int, len(found))
		for n := range w.Nodes {
			if w.Single(n, e, 0) == metrics.Missing {
				continue
			}
			cells++
			for s := range found {
				c := w.Cell(n, s, e)
				if c.Rows > 0 {
					measured[s]++
				}
				if c.Rows > 0 && c.Unreachable == c.Rows {
					found[s].Unreached++
				}
			}
		}
		for s := range found {
			found[s].Cells += cells
			found[s].Measured += measured[s]
			found[s].Missing += cells - measured[s]
			if measured[s] == 0 {
				found[s].Absent += cells
			}
		}
	}
	return found
}
