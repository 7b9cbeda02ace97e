package simulation

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// rot damages the messages of a certified block on the disk: a bit of one has flipped, or one is
// missing. It picks the block by random bits, and damages nothing if no block has messages that
// other members may hold.
func (d *disk) rot(bits uint64) (slot block.Slot, ok bool) {
	var held []*store.Certified
	for i := range d.groups {
		for j := range d.groups[i].chains {
			for k := range d.groups[i].chains[j].certified {
				if c := &d.groups[i].chains[j].certified[k]; d.groups[i].group.N() > 1 && len(c.Block.Messages) > 0 {
					held = append(held, c)
				}
			}
		}
	}
	if len(held) == 0 {
		return slot, false
	}
	c := held[bits%uint64(len(held))]
	messages := slices.Clone(c.Block.Messages)
	if at := int(bits >> 32 % uint64(len(messages))); bits>>60 == 0 && len(messages) > 1 {
		messages = slices.Delete(messages, at, at+1)
	} else {
		messages[at] = flipped(messages[at])
	}
	slot = c.Block.Header.Slot()
	d.chain(slot).keepLeaves(slot.Height)
	c.Block.Messages = messages
	if v := d.chain(slot).vote(slot.Height); v != nil && v.id == c.Certificate.Block {
		v.block.Messages = messages
	}
	d.rotten = true
	return slot, true
}

// flipped returns a message with one bit of its payload changed, or with a payload if it has none.
func flipped(m block.Message) block.Message {
	payload := append(slices.Clone(m.Payload()), 1)[:max(len(m.Payload()), 1)]
	payload[0] ^= 1
	changed, err := block.NewMessage(forger{m.Sender()}, m.Network(), m.Label(), payload, m.Time())
	if err != nil {
		panic("simulation: a flipped payload has another form: " + err.Error())
	}
	return changed
}

// check returns what a store returns for a block that it reads: a *store.CorruptError if it is
// damaged. Most disks never rot, and are not checked.
func (d *disk) check(id block.ID, b block.Block) error {
	if !d.rotten {
		return nil
	}
	return store.CheckBody(id, b)
}

// repair writes a certified block over the stored one.
func (d *disk) repair(w store.PutRepaired) error {
	c, slot := d.chain(w.Block.Header.Slot()), w.Block.Header.Slot()
	switch {
	case c == nil || slot.Height < 1 || slot.Height > uint64(len(c.certified)):
		return store.ErrNotFound
	case c.certified[slot.Height-1].Certificate.Block != w.Certificate.Block:
		return store.ErrConflict
	}
	if c.certified[slot.Height-1].Block.Pruned() && !w.Block.Pruned() {
		c.arrived[slot.Height-1] = d.running
	}
	c.certified[slot.Height-1] = store.Certified(w)
	if v := c.vote(slot.Height); v != nil && v.id == w.Certificate.Block {
		v.block.Messages = w.Block.Messages
	}
	return nil
}

// damaged tells the engine that its store found a block damaged, if err says so.
func (n *node) damaged(err error, proof *store.Certified) bool {
	var damage *store.CorruptError
	if !errors.As(err, &damage) {
		return false
	}
	event := engine.Damaged{Slot: proof.Block.Header.Slot(), Block: damage.Block, Certificate: &proof.Certificate}
	n.reply(event)
	return true
}

// readAll reads every certified block, as somebody who exports them does.
func (n *node) readAll() {
	if !n.disk.rotten || !n.up {
		return
	}
	for i := range n.disk.groups {
		for j := range n.disk.groups[i].chains {
			for k := range n.disk.groups[i].chains[j].certified {
				c := n.disk.groups[i].chains[j].certified[k]
				n.damaged(n.disk.check(c.Certificate.Block, c.Block), &c)
			}
		}
	}
}

// unrepaired names a damaged block that a correct node still holds and could fetch.
func (c *checker) unrepaired() string {
	for i, n := range c.w.nodes {
		if n.byzantine != nil || !n.disk.rotten {
			continue
		}
		for g := range n.disk.groups {
			for j := range n.disk.groups[g].chains {
				for _, held := range n.disk.groups[g].chains[j].certified {
					if !c.intact(held.Block) && !c.gone(held.Block.Header.Slot()) {
						return fmt.Sprintf("repair: node %d still holds a damaged body of %s", i, c.w.slot(held.Block.Header.Slot()))
					}
				}
			}
		}
	}
	return ""
}

// gone reports whether nobody can fetch a certified block any more: what retention and a faulty
// store left of it has rotted, and fewer than f+1 members can say that they removed its messages
// (R6). Rot comes on top of the f faults that the protocol bears, so the core is not to blame.
func (c *checker) gone(slot block.Slot) bool {
	if !slices.ContainsFunc(c.w.nodes, func(n *node) bool { return n.disk.rotten }) {
		return false
	}
	rotten, removed := false, 0
	for _, n := range c.w.nodes {
		held, ok := n.disk.certified(slot)
		switch {
		case n.byzantine != nil || !ok:
		case !c.intact(held.Block):
			rotten = true
		case held.Block.Pruned():
			removed++
		default:
			return false
		}
	}
	f, _ := quorumTwin(c.w.groups[c.key(slot).group].N())
	return rotten && removed <= f
}

// stuck reports whether a node cannot follow a chain up to a height, because it lacks a lost block.
func (c *checker) stuck(i int, slot block.Slot) bool {
	for ; slot.Height > 0; slot.Height-- {
		b := c.slots[c.key(slot)]
		_, has := c.w.nodes[i].disk.certified(slot)
		if b != nil && (!has || !b.delivered[i]) && c.gone(slot) {
			return true
		}
	}
	return false
}

// anyStuck reports whether a correct node is stuck in a chain.
func (c *checker) anyStuck(group *membership.Group, slot block.Slot) bool {
	for i, n := range c.w.nodes {
		if n.byzantine == nil && group.Contains(n.key.Public()) && c.stuck(i, slot) {
			return true
		}
	}
	return false
}

// endsInRot reports whether a node's chain may grow no further, because a correct node is stuck in
// it and cannot echo.
func (c *checker) endsInRot(group *membership.Group, n *node) bool {
	if !slices.ContainsFunc(c.w.nodes, func(n *node) bool { return n.disk.rotten }) {
		return false
	}
	slot := block.Slot{Group: group.ID(), Creator: n.key.Public(), Height: 1}
	if chain := n.disk.chain(slot); chain != nil {
		slot.Height = max(1, uint64(len(chain.certified)))
	}
	return c.anyStuck(group, slot)
}

// intact reports whether the messages of a block are those of its header, or were removed. It is
// the checker's own arithmetic.
func (c *checker) intact(b block.Block) bool {
	return b.Pruned() || int(b.Header.Count) == len(b.Messages) && rootTwin(b.MessageIDs()) == b.Header.Root
}

// served checks the blocks that a correct node sends.
func (c *checker) served(n *node, blocks []wire.Held) {
	if n.byzantine != nil || !n.disk.rotten {
		return
	}
	for _, held := range blocks {
		if !c.intact(held.Block) {
			c.violate("integrity", "node %d serves %s with messages that are not its header's", n.place, c.w.slot(held.Block.Header.Slot()))
		}
	}
}
