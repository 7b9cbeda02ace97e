package trace

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// ErrObserver marks the name of an observer that a trace does not have, or a name that is given
// twice.
var ErrObserver = errors.New("bad observer")

// Trace is the content of one file. It is read-only and may be read concurrently.
type Trace struct {
	Epochs    []int64         // the file's own numbers, ascending
	Observers []string        // in the order of their first lines
	Mixnodes  []metrics.MixID // strictly ascending, whatever the order of the columns

	// cells[epoch][observer][mixnode], one byte each; a nil or absent row is an observer without
	// values in that epoch.
	cells [][][]uint8
}

// missing is the cell without a value.
const missing = 0xff

// Value returns the percentage (0..100) that an observer gave a mixnode in an epoch, all three by
// their index in the lists of t, and false when it is missing or an index is out of range.
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

// Find returns the indices of the observers of these names, in the same order. The error wraps
// [ErrObserver].
func (t *Trace) Find(names []string) ([]int, error) {
	found := make([]int, len(names))
	for i, name := range names {
		found[i] = slices.Index(t.Observers, name)
		if found[i] < 0 {
			return nil, fmt.Errorf("%w %q: expected some of %s", ErrObserver, name, t.listObservers())
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("%w %q: named twice", ErrObserver, name)
		}
	}
	return found, nil
}

// listObservers names the observers, or the first of them when there are many.
func (t *Trace) listObservers() string {
	const most = 25
	if len(t.Observers) <= most {
		return strings.Join(t.Observers, ",")
	}
	return fmt.Sprintf("%s,… (%d in all)", strings.Join(t.Observers[:most], ","), len(t.Observers))
}

// Truth returns, for each epoch and mixnode by index, the median of what the given observers (by
// index) measured there: the mean of the middle two for an even number of values, [metrics.Missing]
// when none of them has one.
func (t *Trace) Truth(observers []int) [][]metrics.Uptime {
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
			truth[epoch][mixnode] = metrics.Median(column)
		}
	}
	return truth
}
