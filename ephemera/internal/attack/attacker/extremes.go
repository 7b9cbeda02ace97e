package attacker

import (
	"context"
	"math/rand/v2"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// extremes sends every frame with the greatest values of its domain, and with some beyond it: no
// value of a peer can stop a node or a store.
func extremes(ctx context.Context, m *member) {
	inside := []uint64{1, 2, 1 << 31, 1 << 32, 1<<53 - 2, 1<<53 - 1}
	beyond := []uint64{1 << 53, 1 << 63, 1<<64 - 1}
	const rarely = 1000 // they are offences
	m.flood(ctx, func(turn int) []byte {
		height := inside[rand.IntN(len(inside))]
		if turn%rarely == rarely-1 {
			height = beyond[rand.IntN(len(beyond))]
		}
		slot := block.Slot{Group: m.group.ID(), Creator: m.group.Member(rand.IntN(m.group.N())), Height: height}
		a, b := m.twins(height)
		return [][]byte{
			proof(a, b),
			encode(wire.Proposal{Proposal: a.Proposal()}),
			m.frontier(m.group, height),
			encode(wire.GetCertified{From: slot}),
			encode(wire.GetBlock{Slot: slot, Block: block.ID(random(32))}),
			encode(wire.Closed{Slot: slot}),
			encode(wire.Rejection{Slot: slot, Block: block.ID(random(32))}),
			encode(wire.GetGroup{Number: height}),
			encode(wire.Newest{Number: height, Group: m.group.ID()}),
			encode(wire.GetEvidence{Group: m.group.ID(), Creators: []uint32{0, uint32(m.group.N() - 1)}}),
		}[turn%10]
	})
}
