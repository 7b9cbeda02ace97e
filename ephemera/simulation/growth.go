package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
)

// postponed records that a node lets a block wait because its chain has used up its rate.
func (c *checker) postponed(n *node, e broadcast.Postponed) {
	c.w.stats.Postponed++
	c.w.trace.add(c.w.now, 'w', n.place, c.w.places[e.Slot.Creator], e.Slot.Height)
	c.w.trace.printf(c.w.now, "%d postpones %s", n.place, c.w.slot(e.Slot))
}
