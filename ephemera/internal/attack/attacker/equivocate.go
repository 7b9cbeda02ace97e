package attacker

import (
	"context"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// equivocate signs two blocks for every height, and shows them to the victims in different orders,
// and the proof to all. After the first heights it continues from the greatest one downwards.
func equivocate(ctx context.Context, m *member) {
	const first, kinds = 16, 3
	var twins [kinds][]byte // two proposals and the proof
	p := pool{make: func(turn int) []byte {
		if turn%kinds == 0 {
			height := uint64(turn/kinds + 1)
			if height > first {
				height = 1<<53 - height
			}
			a, b := m.twins(height)
			twins = [kinds][]byte{encode(wire.Proposal{Proposal: a.Proposal()}), encode(wire.Proposal{Proposal: b.Proposal()}), proof(a, b)}
		}
		return twins[turn%kinds]
	}}
	orders := [][kinds]int{{0, 1, 2}, {1, 0, 2}}
	m.each(func(v *victim) {
		place, _ := m.group.Index(v.key)
		order := orders[place%len(orders)]
		for turn := 0; ctx.Err() == nil; turn++ {
			v.send(ctx, p.frame(turn-turn%kinds+order[turn%kinds]))
		}
	})
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
