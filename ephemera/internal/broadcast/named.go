package broadcast

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// named is the index of the open slots by the messages that they name. It holds exactly the IDs of
// each chain's open slot, whether their bodies have arrived or not. So what a frame asks for or
// brings costs one lookup a message, in a group of any size.
type named map[block.MessageID][]place

// place is where a chain's open slot names a message: ids[at]. The creator is the chain's: a search
// does not read the chains.
type place struct {
	chain   *chain
	creator int32
	at      int32
}

// open adds the messages of a chain's open slot. The places of a message are in the order of their
// chains.
func (n named) open(c *chain) {
	for at, id := range c.open.ids {
		places := n[id]
		i, _ := searchPlace(places, c)
		n[id] = slices.Insert(places, i, place{chain: c, creator: int32(c.creator), at: int32(at)})
	}
}

// close removes the messages of a chain's open slot, which is about to be closed.
func (n named) close(c *chain) {
	if c.open == nil {
		return
	}
	for _, id := range c.open.ids {
		left := n[id]
		if i, ok := searchPlace(left, c); ok {
			left = slices.Delete(left, i, i+1)
		}
		if len(left) == 0 {
			delete(n, id)
			continue
		}
		n[id] = left
	}
}

// searchPlace returns where the place of a chain is in the places of a message, or would be.
func searchPlace(places []place, c *chain) (i int, ok bool) {
	return slices.BinarySearchFunc(places, int32(c.creator), func(p place, creator int32) int { return int(p.creator - creator) })
}

// find returns the place of a message in a chain's open slot.
func (n named) find(id block.MessageID, c *chain) (at int, ok bool) {
	places := n[id]
	if i, ok := searchPlace(places, c); ok {
		return int(places[i].at), true
	}
	return 0, false
}
