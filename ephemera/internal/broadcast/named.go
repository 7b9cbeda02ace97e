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

// naming is where the open slots name one message, in the order in which they were opened. It is
// never empty.
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
		m.places = append(m.places, place{creator: int32(c.creator), at: int32(at)})
		o.named[at] = m
	}
}

// close removes the messages of a chain's open slot, which is about to be closed.
func (n named) close(c *chain) {
	if c.open == nil {
		return
	}
	for at, m := range c.open.named {
		if i := m.of(c); i >= 0 {
			m.places = slices.Delete(m.places, i, i+1)
		}
		if len(m.places) == 0 {
			delete(n, c.open.ids[at])
		}
	}
}

// places returns where open slots name a message, in the order of their chains.
func (n named) places(id block.MessageID) []place {
	places := slices.Clone(n.unordered(id))
	slices.SortFunc(places, func(p, q place) int { return int(p.creator - q.creator) })
	return places
}

// unordered returns the places themselves, which change when a slot opens or closes.
func (n named) unordered(id block.MessageID) []place {
	if m := n[id]; m != nil {
		return m.places
	}
	return nil
}

// names reports whether a chain's open slot names a message.
func (n named) names(id block.MessageID, c *chain) bool {
	m := n[id]
	return m != nil && m.of(c) >= 0
}

// of returns which of the places is that of a chain, or -1. The slots that were opened first are
// usually closed first.
func (m *naming) of(c *chain) int {
	for i, p := range m.places {
		if p.creator == int32(c.creator) {
			return i
		}
	}
	return -1
}
