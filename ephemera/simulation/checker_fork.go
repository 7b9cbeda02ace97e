package simulation

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// second records a valid certificate for another block of a certified slot. Under Schedule.Fork
// that is expected, and the chain is judged by its alarm from then on.
func (c *checker) second(k slotKey, slot block.Slot) {
	if !c.w.schedule.Fork {
		c.violate("consistency", "two blocks of %s are certified", c.w.slot(slot))
		return
	}
	c.split[chainKey{k.group, k.creator}] = true
}

// isSplit reports whether a slot of a chain has two certificates.
func (c *checker) isSplit(k slotKey) bool { return c.split[chainKey{k.group, k.creator}] }

// alarmed records that a correct node keeps the proof of a fork. It must be valid and name more
// than f members, none of which is correct.
func (c *checker) alarmed(n *node, f store.Fork) {
	k := c.key(f.A.Slot)
	chain := chainKey{k.group, k.creator}
	mark(c.alarms, chain, n.place)
	c.w.stats.Forks++
	group := c.w.groups[k.group]
	a, forgedA := c.signers(group, f.A)
	b, forgedB := c.signers(group, f.B)
	faults, q := quorumTwin(group.N())
	if f.A.Slot != f.B.Slot || f.A.Block == f.B.Block || forgedA || forgedB || len(a) < q || len(b) < q {
		c.violate("alarm", "node %d keeps two certificates that prove no fork", n.place)
		return
	}
	double := slices.DeleteFunc(slices.Clone(a), func(i int) bool { return !slices.Contains(b, i) })
	if len(double) <= faults {
		c.violate("alarm", "the proof of node %d names %d double signers, expected more than %d", n.place, len(double), faults)
	}
	for _, i := range double {
		if c.w.nodes[i].byzantine == nil {
			c.violate("alarm", "the proof of node %d names the correct node %d", n.place, i)
		}
	}
}

func mark(nodes map[chainKey]map[int]bool, chain chainKey, node int) {
	if nodes[chain] == nil {
		nodes[chain] = map[int]bool{}
	}
	nodes[chain][node] = true
}

// chainStopped records that a node reports a fork, or knows of it from its disk when it starts.
func (c *checker) chainStopped(n *node, slot block.Slot) {
	k := c.key(slot)
	mark(c.halts, chainKey{k.group, k.creator}, n.place)
}

// checkStopped checks that a node does nothing more on a chain that it has stopped. What was under
// way in the same batch, before that, is carried out.
func (c *checker) checkStopped(n *node, slot block.Slot, what string) {
	k := c.key(slot)
	if c.halts[chainKey{k.group, k.creator}][n.place] {
		c.violate("alarm", "node %d %s %s of a chain that has stopped", n.place, what, c.w.slot(slot))
	}
}

// unalarmed names a correct node that has not stopped a chain although it should: correct nodes
// have delivered different blocks of a slot, or one of them has stopped the chain.
func (c *checker) unalarmed(chain chainKey) string {
	group := c.w.groups[chain.group]
	known := len(c.alarms[chain]) > 0 || c.halvesDiffer(chain)
	for i, n := range c.w.nodes {
		if known && n.byzantine == nil && group.Contains(n.key.Public()) && !c.alarms[chain][i] {
			return fmt.Sprintf("alarm: node %d has not stopped the chain %d:%d, of which a slot has two certificates", i, chain.group+1, chain.creator)
		}
	}
	return ""
}

// halvesDiffer reports whether correct nodes have certified different blocks of a slot.
func (c *checker) halvesDiffer(chain chainKey) bool {
	slot := block.Slot{Group: c.w.groups[chain.group].ID(), Creator: c.w.nodes[chain.creator].key.Public()}
	var longest []store.Certified
	for _, n := range c.w.nodes {
		held := n.disk.chain(slot)
		if n.byzantine != nil || held == nil {
			continue
		}
		for i := range min(len(longest), len(held.certified)) {
			if longest[i].Certificate.Block != held.certified[i].Certificate.Block {
				return true
			}
		}
		if len(held.certified) > len(longest) {
			longest = held.certified
		}
	}
	return false
}
