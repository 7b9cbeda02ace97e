package admission

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// certificates holds verified certificates of blocks that are not certified here yet: their
// messages are missing. A member that resends one may have added echoes to it since, which prove
// nothing new. They are held by block.
type certificates struct {
	generations[block.ID, wire.Decoded]
}

// keptCertificates bounds each generation: more than the open slots of the largest group.
const keptCertificates = 256

func newCertificates() certificates {
	return certificates{newGenerations[block.ID, wire.Decoded](keptCertificates)}
}

// instead returns the held certificate that says the same as one that arrived: it is of the same
// slot and block, and it holds this member's echo if the other one does. An echo with this member's
// key is always verified, because its votes may not know it (R8).
func (c *certificates) instead(group *membership.Group, self keys.Public, arrived wire.Certificate) (wire.Decoded, bool) {
	held, ok := c.find(arrived.Block)
	if !ok || group == nil {
		return wire.Decoded{}, false
	}
	proof := held.Unverified().(wire.Certificate)
	if proof.Slot != arrived.Slot {
		return wire.Decoded{}, false
	}
	own, isMember := group.Index(self)
	return held, !isMember || proof.Signed(own) || !arrived.Signed(own)
}

// keep holds a certificate that was verified.
func (c *certificates) keep(frame wire.Decoded) {
	c.put(frame.Unverified().(wire.Certificate).Block, frame)
}
