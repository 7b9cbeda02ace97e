package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// EventKind names what an Invariant sees.
type EventKind uint8

const (
	Started   EventKind = iota // a node started
	Stopped                    // a node crashed or was stopped
	Proposed                   // a correct creator signed a header for the first time
	Certified                  // a correct node made a certified block durable
	Delivered                  // a correct node's application accepted a block
)

// Event is something that happened at a node that is not Byzantine.
type Event struct {
	At    int64 // virtual microseconds
	Node  int
	Kind  EventKind
	Slot  block.Slot
	Block *store.Certified // of Certified and Delivered
}

// Invariant is a further promise that a run is checked against, such as the promises of rewarding.
// A value serves one run.
type Invariant interface {
	Name() string
	// Observe is called for each event. An error is a violation.
	Observe(e Event) error
	// End is called once, after the run.
	End() error
}

func (c *checker) notifyInvariants(n *node, kind EventKind, slot block.Slot, held *store.Certified) {
	if n.byzantine != nil {
		return
	}
	for _, o := range c.observers {
		if err := o.Observe(Event{At: c.w.now, Node: n.place, Kind: kind, Slot: slot, Block: held}); err != nil {
			c.violate(o.Name(), "%v", err)
		}
	}
}
