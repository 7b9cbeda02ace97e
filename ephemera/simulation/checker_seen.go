package simulation

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// saw records the signed headers in a frame that a correct node is about to take, also those that
// it does not store. They count for accountability until the node restarts: what was never echoed
// is held in memory (PROTOCOL.md, section 4). A node takes nothing about a group that rests, and
// headers above the slot that follows the open one are too far ahead to be kept.
func (c *checker) saw(n *node, from keys.Public, frame wire.Frame) {
	if n.byzantine != nil || !c.mayDisagree() {
		return
	}
	for _, signed := range headersOf(frame) {
		slot := signed.Header.Slot()
		group := n.group(slot.Group)
		creator := c.w.nodes[c.w.places[slot.Creator]]
		if creator.byzantine == nil || group == nil || !group.Contains(from) || !n.engine.InMemory(slot.Group) {
			continue // a correct member signs one header a slot
		}
		if held := n.disk.chain(slot); held == nil || slot.Height > uint64(len(held.certified))+headersAhead {
			continue
		}
		b, h := c.book(c.key(slot)), holding{n.place, signed.Header.ID()}
		if !slices.Contains(b.seen, h) {
			b.seen = append(b.seen, h)
		}
	}
}

// headersAhead is how far above the certified height a member keeps headers that it sees.
const headersAhead = 2

// mayDisagree reports whether any member may sign two headers of a slot.
func (c *checker) mayDisagree() bool { return len(c.w.schedule.Byzantine) > 0 }

// headersOf returns the signed headers in a frame.
func headersOf(frame wire.Frame) []block.SignedHeader {
	switch f := frame.(type) {
	case wire.Proposal:
		return []block.SignedHeader{f.SignedHeader}
	case wire.Evidence:
		return []block.SignedHeader{f.A, f.B}
	case wire.Frontier:
		return f.Open
	case wire.Fresh:
		return f.Frontier.Open
	case wire.Blocks:
		var headers []block.SignedHeader
		for _, held := range f.Blocks {
			headers = append(headers, held.Block.SignedHeader)
		}
		return headers
	}
	return nil
}

// forget drops the headers that a node held in memory only.
func (c *checker) forget(n *node) {
	for _, b := range c.order {
		b.seen = slices.DeleteFunc(b.seen, func(h holding) bool { return h.node == n.place })
	}
}

// conflicting reports whether correct members hold or have seen different signed headers of a
// slot. A header that a member saw above its open slot counts once the slot is open there: before
// that, frontiers do not show it.
func (c *checker) conflicting(b *slotBook) bool {
	var first *holding
	differs := func(h *holding) bool {
		switch {
		case !c.correct(h.node, b.key.group):
		case first == nil:
			first = h
		case first.block != h.block:
			return true
		}
		return false
	}
	for i := range b.held {
		if differs(&b.held[i]) {
			return true
		}
	}
	for i := range b.seen {
		if c.reached(b.seen[i].node, b.key) && differs(&b.seen[i]) {
			return true
		}
	}
	return false
}

// reached reports whether a slot is open or certified at a node.
func (c *checker) reached(node int, k slotKey) bool {
	slot := block.Slot{Group: c.w.groups[k.group].ID(), Creator: c.w.nodes[k.creator].key.Public()}
	held := c.w.nodes[node].disk.chain(slot)
	return held != nil && k.height <= uint64(len(held.certified))+1
}
