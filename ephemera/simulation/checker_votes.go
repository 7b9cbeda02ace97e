package simulation

import (
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// lost records that a node starts with a store that is missing or behind its marker or counter. It
// must not find that without a reason.
func (c *checker) lost(n *node) {
	book := &c.nodes[n.place]
	if n.byzantine == nil && !n.reverted {
		c.violate("R8", "node %d mutes itself, and its disk has lost nothing", n.place)
	}
	c.w.trace.printf(c.w.now, "%d is mute: its store counts %d starts of %d, and %d commits with votes of %d",
		n.place, n.disk.starts, n.files.starts, n.disk.votes, n.files.votes)
	book.lostThrough = max(book.lostThrough, n.files.group)
	c.continueFrom(n)
}

// opened checks at a start that a node notices lost votes, by counting those on its disk.
func (c *checker) opened(n *node) {
	book := &c.nodes[n.place]
	book.heard = map[membership.ID]map[int]bool{}
	if n.byzantine == nil && n.disk.votesIn() < book.votes && n.disk.mutedThrough < n.files.group {
		c.violate("R8", "node %d lost votes and does not notice", n.place)
	}
	book.votes = n.disk.votesIn()
	if n.reverted && !n.lostVotes() {
		c.continueFrom(n)
	}
}

// reverted notes that a disk has lost commits. Its node's messages are awaited no more: a block
// with them may be gone, unnoticed if its vote was not counted yet.
func (c *checker) reverted(n *node) {
	for _, m := range c.messages {
		if m.node == n.place {
			m.durable = false
		}
	}
}

// continueFrom lets a node continue from a disk that is not its last one.
func (c *checker) continueFrom(n *node) {
	book := &c.nodes[n.place]
	book.chains = map[chainKey]*cursor{}
	book.growth.stored = nil
	for i := range n.disk.groups {
		g := &n.disk.groups[i]
		for j := range g.chains {
			k := chainKey{int(g.group.Number()) - 1, c.w.places[g.group.Member(j)]}
			book.chains[k] = &cursor{height: g.chains[j].delivered, repeat: true}
		}
	}
	c.forgetHeld(n)
	for _, proofs := range c.evidence {
		delete(proofs, n.place)
	}
	for i := range n.disk.groups {
		for _, e := range n.disk.groups[i].evidence {
			c.proof(n, e)
		}
	}
}

// forgetHeld drops the headers that a node's disk has lost. They count for accountability only
// while the node holds them.
func (c *checker) forgetHeld(n *node) {
	for _, b := range c.order {
		slot := block.Slot{Group: c.w.groups[b.key.group].ID(), Creator: c.w.nodes[b.key.creator].key.Public(), Height: b.key.height}
		b.held = slices.DeleteFunc(b.held, func(h holding) bool {
			_, ok := n.disk.block(slot, h.block)
			return h.node == n.place && !ok
		})
	}
}

// forgets records that a node's whole folder was reverted: it is faulty in every group.
func (c *checker) forgets(n *node) {
	c.w.trace.printf(c.w.now, "%d forgets: its whole folder is reverted", n.place)
	c.nodes[n.place].lostThrough = math.MaxUint64
}

// hears records an answer to a node's last start (R8).
func (c *checker) hears(n *node, from int, frame wire.Frame) {
	f, ok := frame.(wire.Fresh)
	if !ok || f.Nonce != n.nonce() || from == n.place {
		return
	}
	heard := c.nodes[n.place].heard
	if heard[f.Frontier.Group] == nil {
		heard[f.Frontier.Group] = map[int]bool{}
	}
	heard[f.Frontier.Group][from] = true
}

// voteAfterHearing checks that a new vote follows the answers of enough others to this start.
func (c *checker) voteAfterHearing(n *node, slot block.Slot) {
	group := c.w.groups[c.key(slot).group]
	if _, q := quorumTwin(group.N()); len(c.nodes[n.place].heard[slot.Group]) < q-1 {
		c.violate("R8", "node %d votes for %s and has heard %d of %d others since its start", n.place, c.w.slot(slot),
			len(c.nodes[n.place].heard[slot.Group]), q-1)
	}
}
