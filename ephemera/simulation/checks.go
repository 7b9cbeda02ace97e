package simulation

import (
	"encoding/binary"

	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// checksOf returns how many signatures the border checks in a frame that is not remembered as a
// whole. Messages and signed headers are remembered one by one.
func checksOf(frame wire.Frame, m *prints) int { return wire.Signatures(frame) - m.known(frame) }

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

// maxPrints bounds a generation, like the memory of package admission.
const maxPrints = 8192

func newPrints() *prints { return &prints{new: map[uint64]bool{}} }

func (m *prints) has(print uint64) bool { return m.new[print] || m.old[print] }

func (m *prints) add(print uint64) {
	if len(m.new) >= maxPrints {
		m.old, m.new = m.new, map[uint64]bool{}
	}
	m.new[print] = true
}

// known returns how many messages and headers in a frame are remembered, and remembers the others.
func (m *prints) known(frame wire.Frame) (count int) {
	for message := range wire.Bodies(frame) {
		id, signature := message.ID(), message.Signature()
		count += m.meet(id[:], signature[:])
	}
	for header := range wire.Headers(frame) {
		id := header.Header.ID()
		count += m.meet(id[:], header.Signature[:])
	}
	return count
}

// meet returns 1 if what has this ID is remembered with this signature; else it remembers it.
func (m *prints) meet(id, signature []byte) int {
	print := hash(binary.BigEndian.Uint64(id), binary.BigEndian.Uint64(signature))
	if m.has(print) {
		return 1
	}
	m.add(print)
	return 0
}
