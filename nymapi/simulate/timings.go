package simulate

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// timings measures the times of blocks, and notifies applications about their own.
type timings struct {
	env        *environment
	proposed   map[block.Slot]int64 // microseconds
	certified  []int64              // from a proposal to its creator's certificate, in microseconds
	delivered  []int64              // from a proposal to each delivery
	progressed func(virtual int64)  // called with milliseconds since the beginning; may be nil
}

// Name returns the name among the invariants. Timings are never violated.
func (*timings) Name() string { return "timings" }

// Observe records the time of an event.
func (w *timings) Observe(e simulation.Event) error {
	if w.progressed != nil {
		w.progressed(e.At / 1000)
	}
	switch e.Kind {
	case simulation.Started:
		w.env.apps[e.Node].restarted()
	case simulation.Proposed:
		w.proposed[e.Slot] = e.At
		w.env.apps[e.Node].proposed(e.Slot.Height)
	case simulation.Certified:
		if at, ok := w.proposed[e.Slot]; ok && w.env.places[e.Slot.Creator] == e.Node {
			w.certified = append(w.certified, e.At-at)
		}
	case simulation.Delivered:
		if at, ok := w.proposed[e.Slot]; ok {
			w.delivered = append(w.delivered, e.At-at)
		}
	}
	return nil
}

// End does nothing.
func (*timings) End() error { return nil }

// Spread is a distribution by nearest ranks. All fields are nil without values.
type Spread struct {
	P50 *float64 `json:"p50"`
	P99 *float64 `json:"p99"`
	Max *float64 `json:"max"`
}

// spread returns the distribution of values divided by unit. It sorts values in place.
func spread(values []int64, unit float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	slices.Sort(values)
	at := func(percent int) *float64 {
		rank := (percent*len(values) + 99) / 100
		value := float64(values[max(rank, 1)-1]) / unit
		return &value
	}
	return Spread{P50: at(50), P99: at(99), Max: at(100)}
}
