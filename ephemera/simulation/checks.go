package simulation

import (
	"encoding/binary"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// checksOf returns how many signatures the border checks in a frame that is not remembered as a
// whole. Messages on their own are remembered one by one; without a memory all are checked.
func checksOf(frame wire.Frame, m *prints) int {
	switch f := frame.(type) {
	case wire.Proposal, wire.Echo:
		return 1
	case wire.Certificate:
		return len(f.Signatures)
	case wire.Frontier:
		return len(f.Open)
	case wire.Evidence:
		return 2
	case wire.Messages:
		return m.messages(f.Messages)
	case wire.Blocks:
		count := 0
		for _, held := range f.Blocks {
			count += 1 + m.messages(held.Block.Messages)
			if held.Certificate != nil {
				count += len(held.Certificate.Signatures)
			}
		}
		return count
	}
	return 0
}

// named returns how many messages a frame names that the engine looks up.
func named(frame wire.Frame) int {
	switch f := frame.(type) {
	case wire.GetMessages:
		return len(f.IDs)
	case wire.Pool:
		return len(f.Digests)
	case wire.Listing:
		return len(f.Messages)
	case wire.Proposal:
		return len(f.IDs)
	}
	return 0
}

// prints is the shipped node's memory of what it verified: fingerprints in two generations.
type prints struct{ new, old map[uint64]bool }

// maxPrints bounds a generation, as seenDigests does in the shipped node.
const maxPrints = 8192

func newPrints() *prints { return &prints{new: map[uint64]bool{}} }

func (m *prints) has(print uint64) bool { return m.new[print] || m.old[print] }

func (m *prints) add(print uint64) {
	if len(m.new) >= maxPrints {
		m.old, m.new = m.new, map[uint64]bool{}
	}
	m.new[print] = true
}

// messages returns how many of some messages are not remembered, and remembers them.
func (m *prints) messages(all []block.Message) int {
	if m == nil {
		return len(all)
	}
	count := 0
	for _, message := range all {
		id, signature := message.ID(), message.Signature()
		print := hash(binary.BigEndian.Uint64(id[:]), binary.BigEndian.Uint64(signature[:]))
		if !m.has(print) {
			m.add(print)
			count++
		}
	}
	return count
}
