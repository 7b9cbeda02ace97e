package trace

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// ErrObserver reports the name of an observer that is not in the trace, or a repeated name.
var ErrObserver = errors.New("bad observer")

// Trace is the content of one file. It must not be modified and may be read concurrently.
type Trace struct {
	Epochs    []int64         // numbers in the file, ascending
	Observers []string        // in the order of their first lines
	Mixnodes  []metrics.MixID // strictly ascending, whatever the order of the columns

	// cells[epoch][observer][mixnode] is one byte each. A nil or absent row belongs to an observer
	// without values in that epoch.
	cells [][][]uint8
}

// missing is the value of an empty cell.
const missing = 0xff

// Value returns the percentage (0..100) that an observer measured for a mixnode in an epoch. All
// three are indices into the lists of t. It returns false if the value is missing or an index is
// out of range.
func (t *Trace) Value(epoch, observer, mixnode int) (value uint8, ok bool) {
	if epoch < 0 || epoch >= len(t.cells) || observer < 0 || observer >= len(t.cells[epoch]) {
		return 0, false
	}
	row := t.cells[epoch][observer]
	if mixnode < 0 || mixnode >= len(row) || row[mixnode] == missing {
		return 0, false
	}
	return row[mixnode], true
}

// Find returns the indices of the observers with these names, in the same order. The error wraps
// [ErrObserver].
func (t *Trace) Find(names []string) ([]int, error) {
	found := make([]int, len(names))
	for i, name := range names {
		found[i] = slices.Index(t.Observers, name)
		if found[i] < 0 {
			return nil, fmt.Errorf("%w %q: expected one of %s", ErrObserver, name, t.listObservers())
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("%w %q: repeated, expected each name once", ErrObserver, name)
		}
	}
	return found, nil
}

// listObservers lists the observers, or the first of them if there are many.
func (t *Trace) listObservers() string {
	const most = 25
	if len(t.Observers) <= most {
		return strings.Join(t.Observers, ",")
	}
	return fmt.Sprintf("%s,… (%d in all)", strings.Join(t.Observers[:most], ","), len(t.Observers))
}

// Truth returns, for each epoch and mixnode by index, what an estimator makes of the values that
// the observers with these indices measured, and [metrics.Missing] for no value. The truth of a
// trace is an estimate as well, and which rule makes it can decide which rule looks best: compare
// with several.
func (t *Trace) Truth(observers []int, by metrics.Estimator) [][]metrics.Uptime {
	truth := make([][]metrics.Uptime, len(t.Epochs))
	column := make([]metrics.Uptime, 0, len(observers))
	for epoch := range truth {
		truth[epoch] = make([]metrics.Uptime, len(t.Mixnodes))
		for mixnode := range t.Mixnodes {
			column = column[:0]
			for _, observer := range observers {
				if value, ok := t.Value(epoch, observer, mixnode); ok {
					column = append(column, metrics.Uptime(value)*metrics.PerPoint)
				}
			}
			slices.Sort(column)
			truth[epoch][mixnode] = by.Estimate(column, 0)
		}
	}
	return truth
}
