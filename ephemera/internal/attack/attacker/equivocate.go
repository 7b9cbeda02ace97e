package attacker

import (
	"context"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// equivocate signs two blocks for every height, shows one to each half of the victims, then both
// and the proof to all. After the first heights it continues from the greatest one downwards.
func equivocate(ctx context.Context, m *member) {
	const first = 16
	for turn := uint64(1); ctx.Err() == nil; turn++ {
		height := turn
		if turn > first {
			height = 1<<53 - turn
		}
		a, b := m.twins(height)
		half := len(m.victims) / 2
		frames := [][]byte{encode(wire.Proposal{Proposal: a.Proposal()}), encode(wire.Proposal{Proposal: b.Proposal()}), proof(a, b)}
		for i, v := range m.victims {
			shown := 0
			if i < half {
				shown = 1
			}
			v.send(ctx, frames[shown])
			v.send(ctx, frames[1-shown])
			v.send(ctx, frames[2])
		}
	}
}

// twins returns two blocks for a height of the attacker's chain.
func (m *member) twins(height uint64) (a, b block.Block) {
	var parent block.ID
	if height > 1 {
		parent = block.ID(random(32))
	}
	return m.sign(height, parent, m.block(1, 8)), m.sign(height, parent, m.block(1, 8))
}

// proof returns the evidence that two blocks of one slot are.
func proof(a, b block.Block) []byte {
	if a.ID().Compare(b.ID()) > 0 {
		a, b = b, a
	}
	return encode(wire.Evidence{A: a.SignedHeader, B: b.SignedHeader})
}
