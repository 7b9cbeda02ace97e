package simulation

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// labelKept is the label of messages that no application puts into a block. They stay in mempools.
const labelKept = "kept"

// pilePool holds the limits of mempools in schedules with piles.
var pilePool = mempool.Limits{Messages: 1 << 14, Bytes: 64 << 20}

// maxPile bounds the messages of a pile, so that they fit into one frame and a sender's share.
const maxPile = 512

// pile is messages of one sender that lie in the mempool of one node. Every correct member has to
// get them by the exchange of mempools alone (R6).
type pile struct {
	node        int
	incarnation uint32
	messages    []block.Message
}

// pileUp puts messages with a node's signature into its mempool. They are not gossiped.
func (w *world) pileUp(n *node, index, count int) {
	if !n.up || n.halted != "" || n.byzantine != nil {
		return
	}
	p := &pile{node: n.place, incarnation: n.incarnation}
	for i := range count {
		payload := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(index)), uint32(i))
		p.messages = append(p.messages, w.message(n.key, labelKept, payload, n.wall()))
	}
	w.trace.printf(w.now, "%d messages come to %d", count, n.place)
	w.check.piles = append(w.check.piles, p)
	n.received(n.key.Public(), wire.AssumeVerified(wire.Messages{Messages: p.messages}))
}

// unspread names a pile that a correct member of the newest group still lacks. What a node forgot
// by a restart before anybody got it is not judged, and neither is the time of a clock that was
// set.
func (c *checker) unspread() string {
	newest := c.w.groups[len(c.w.groups)-1]
	setClocks := slices.ContainsFunc(c.w.schedule.Faults, func(f Fault) bool { return f.Kind == StepClock })
	for _, p := range c.piles {
		from := c.w.nodes[p.node]
		if setClocks || from.incarnation != p.incarnation || !newest.Contains(from.key.Public()) {
			continue
		}
		for i, n := range c.w.nodes {
			lacks := func(m block.Message) bool { return n.engine.Wants(m) }
			if n.byzantine == nil && n.up && newest.Contains(n.key.Public()) && slices.ContainsFunc(p.messages, lacks) {
				return fmt.Sprintf("R6: node %d lacks messages that are in the mempool of node %d", i, p.node)
			}
		}
	}
	return ""
}

// drawPiles lets messages lie in the mempools of some nodes, occasionally more than one frame can
// list.
func drawPiles(rng *random, s *Schedule) {
	if !rng.permille(80) {
		return
	}
	count := func() int { return 1 + rng.below(4) }
	if rng.permille(60) {
		count = func() int { return maxPile - rng.below(100) }
	}
	if rng.permille(500) { // so that nobody gets them before the faults end
		s.Loss = 300 + rng.below(400)
	}
	for _, node := range rng.choose(s.Nodes, 1+rng.below(3)) {
		for range 1 + rng.below(2) {
			s.Faults = append(s.Faults, Fault{Kind: Pile, Node: node, At: int64(rng.below(drawnHeal)), Step: count()})
		}
	}
}
