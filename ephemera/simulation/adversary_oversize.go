package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// oversize sends frames of the greatest size that is allowed, with as many signatures as fit: full
// answers that nobody asked for. It changes one header each time. A naive node verifies all of it.
type oversize struct {
	honest
	blocks []wire.Held
	group  *membership.Group
	height uint64
}

func (a *oversize) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	if a.group != g {
		a.group, a.blocks = g, nil
		var messages []block.Message
		size := 0
		for len(messages) < int(g.Limits().BlockMessages) {
			messages = append(messages, p.newMessage("", 16))
		}
		for size < wire.BatchBytes && len(a.blocks) < wire.MaxBlocks {
			a.height++
			b := p.forgeBlock(g, a.height, block.ID{1}, messages...)
			size += bodiesSize(messages, false)
			a.blocks = append(a.blocks, wire.Held{Block: b})
		}
	}
	p.flood(func(*membership.Group, int) wire.Frame {
		a.height++
		last := &a.blocks[len(a.blocks)-1]
		last.Block.Header.Height = a.height
		last.Block.SignedHeader = p.sign(last.Block.Header)
		return wire.Blocks{Blocks: append([]wire.Held(nil), a.blocks...)}
	})
}
