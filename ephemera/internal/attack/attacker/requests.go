package attacker

import (
	"context"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// unknown asks for messages that nobody knows: each request must cost its receiver no more than a
// look into an index.
func unknown(ctx context.Context, m *member) {
	sizes := []int{14, 1024}
	m.flood(ctx, func(turn int) []byte {
		ids := make([]block.MessageID, sizes[turn%len(sizes)])
		for i := range ids {
			ids[i] = block.MessageID(random(32))
		}
		return encode(wire.GetMessages{IDs: ids})
	})
}

// known asks for everything that is certified, again and again, and reads the answers.
func known(ctx context.Context, m *member) { m.flood(ctx, m.requests) }

// deaf does the same and does not read, so that the answers fill the queues.
func deaf(ctx context.Context, m *member) {
	m.deaf.Store(true)
	for _, v := range m.victims { // streams that were opened before are read
		v.leave()
	}
	m.flood(ctx, m.requests)
}

// requests returns a request for blocks, or for a certified block that was announced.
func (m *member) requests(turn int) []byte {
	creator := m.group.Member(turn % m.group.N())
	if certificates := m.heard.lastCertificates(); turn%4 == 0 && len(certificates) > 0 {
		c := certificates[turn/4%len(certificates)]
		return encode(wire.GetBlock{Slot: c.Slot, Block: c.Block})
	}
	return encode(wire.GetCertified{From: block.Slot{Group: m.group.ID(), Creator: creator, Height: 1}})
}

// inGroup returns requests for all blocks and proofs of a group.
func (m *member) inGroup(group *membership.Group) maker {
	return func(turn int) []byte {
		if turn%8 == 1 {
			return encode(wire.GetEvidence{Group: group.ID(), Creators: []uint32{0, 1}})
		}
		return encode(wire.GetCertified{From: block.Slot{Group: group.ID(), Creator: group.Member(turn / 2 % group.N()), Height: 1}})
	}
}
