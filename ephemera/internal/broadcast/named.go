package broadcast

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// named is the index of the open slots by the messages that they name. It holds exactly the IDs of
// each chain's open slot, whether their bodies have arrived or not. So what a frame asks for or
// brings costs one lookup a message, in a group of any size. A slot keeps what it found here when
// it was opened, and looks nothing up when it is closed.
type named map[block.MessageID]*naming

// naming is where the open slots name one message, in the order of their chains. It is never empty.
type naming struct{ places []place }

// place is where the open slot of a creator's chain names a message: ids[at].
type place struct{ creator, at int32 }

// open adds the messages of a chain's open slot.
func (n named) open(c *chain) {
	o := c.open
	o.named = make([]*naming, len(o.ids))
	for at, id := range o.ids {
		m := n[id]
		if m == nil {
			m = &naming{}
			n[id] = m
		}
		i, _ := m.search(c)
		m.places = slices.Insert(m.places, i, place{creator: int32(c.creator), at: int32(at)})
		o.named[at] = m
	}
}

// close removes the messages of a chain's open slot, which is about to be closed.
func (n named) close(c *chain) {
	if c.open == nil {
		return
	}
	for at, m := range c.open.named {
		if i, ok := m.search(c); ok {
			m.places = slices.Delete(m.places, i, i+1)
		}
		if len(m.places) == 0 {
			delete(n, c.open.ids[at])
		}
	}
}

// places returns where open slots name a message.
func (n named) places(id block.MessageID) []place {
	if m := n[id]; m != nil {
		return m.places
	}
	return nil
}

// names reports whether a chain's open slot names a message.
func (n named) names(id block.MessageID, c *chain) bool {
	m := n[id]
	if m == nil {
		return false
	}
	_, ok := m.search(c)
	return ok
}

// search returns where the place of a chain is, or would be.
func (m *naming) search(c *chain) (i int, ok bool) {
	return slices.BinarySearchFunc(m.places, int32(c.creator), func(p place, creator int32) int { return int(p.creator - creator) })
}
