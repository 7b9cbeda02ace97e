package simulation

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// sighting is a header that reached a correct node, for a slot in which the node has stored another
// certified block. The node holds both, so it must find the proof, unless it restarts before.
type sighting struct {
	node        int
	incarnation uint32
	slot        slotKey
}

// sighted notes the headers in a frame that reached a correct node and differ from the certified
// blocks on its disk. It looks at the newest group only: a node may drop such a frame about an old
// one that it has to load first.
func (c *checker) sighted(n *node, from int, frame wire.Frame) {
	if c.w.now > c.horizon() || n.halted != "" {
		return
	}
	newest := c.w.groups[len(c.w.groups)-1]
	if n.knownGroups < len(c.w.groups) || !newest.Contains(c.w.nodes[from].key.Public()) {
		return
	}
	for _, h := range headersOf(frame) {
		c.sawHeader(n, newest, h)
	}
}

func (c *checker) sawHeader(n *node, newest *membership.Group, h block.SignedHeader) {
	slot := h.Header.Slot()
	if slot.Group != newest.ID() || slot.Creator == n.key.Public() {
		return
	}
	stored, ok := n.disk.certified(slot)
	if !ok || stored.Certificate.Block == h.Header.ID() || c.w.keyring.checkHeaders(h) != nil {
		return
	}
	k := c.key(slot)
	if !c.evidence[chainKey{k.group, k.creator}][n.place] {
		c.sightings = append(c.sightings, sighting{n.place, n.incarnation, k})
	}
}

// unproven names a node that saw two headers of a slot and has no proof, or returns "".
func (c *checker) unproven() string {
	for _, s := range c.sightings {
		n := c.w.nodes[s.node]
		if n.incarnation == s.incarnation && n.up && !c.evidence[chainKey{s.slot.group, s.slot.creator}][s.node] {
			return fmt.Sprintf("accountability: node %d saw two headers of %d:%d/%d and has no proof", s.node, s.slot.group+1, s.slot.creator, s.slot.height)
		}
	}
	return ""
}
