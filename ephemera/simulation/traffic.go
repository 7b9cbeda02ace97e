package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Traffic is what was sent.
type Traffic struct {
	Frames int
	Bytes  int64 // encoded
}

// Measured is the traffic of engines, including those inside Byzantine members, under
// Options.Measure. Frames that adversaries make are left out.
type Measured struct {
	Gossip Traffic
	Direct [1 << 8]Traffic // by wire.Kind
	Sent   []int64         // bytes by node
}

// meter adds up traffic. It remembers the last size, because most frames go to everybody, one
// member after the other.
type meter struct {
	measured Measured
	last     any // identity of the frame measured last; keeps it alive
	size     int
	scratch  []byte
}

// add adds a frame that a node sends.
func (m *meter) add(from int, frame wire.Frame, gossip bool) {
	id := identity(frame)
	if id == nil || id != m.last {
		m.last, m.size = id, m.encodedSize(frame)
	}
	m.measured.Sent[from] += int64(m.size)
	traffic := &m.measured.Gossip
	if !gossip {
		traffic = &m.measured.Direct[wire.KindOf(frame)]
	}
	traffic.Frames++
	traffic.Bytes += int64(m.size)
}

// identity returns a value that two frames share only if they are the same. It is nil for frames
// that are small or go to one member.
func identity(frame wire.Frame) any {
	switch f := frame.(type) {
	case wire.Proposal:
		if len(f.IDs) > 0 {
			return &f.IDs[0]
		}
	case wire.Certificate:
		if len(f.Signatures) > 0 {
			return &f.Signatures[0]
		}
	case wire.Frontier:
		if len(f.Certified) > 0 {
			return &f.Certified[0]
		}
	case wire.Listing:
		if len(f.Messages) > 0 {
			return &f.Messages[0]
		}
	case wire.Messages:
		if len(f.Messages) == 1 {
			return f.Messages[0].ID()
		}
	}
	return nil
}

// encodedSize returns the length of wire.Encode. For frames that carry bodies it adds up sizes
// instead of encoding, because they are most of the bytes of a large day, and for digests, which
// are many. Others it encodes where the last one was.
func (m *meter) encodedSize(frame wire.Frame) int {
	switch f := frame.(type) {
	case wire.Pool:
		const digest = 1 + 2 + len(keys.Public{}) + 2 + len(block.Digest{})
		return 1 + headSize(1) + headSize(len(f.Digests)) + len(f.Digests)*digest
	case wire.Messages:
		return len(wire.Encode(wire.Messages{})) - headSize(0) + headSize(len(f.Messages)) + bodiesSize(f.Messages, true)
	case wire.Blocks:
		size := len(wire.Encode(wire.Blocks{})) - headSize(0) + headSize(len(f.Blocks))
		for _, held := range f.Blocks {
			empty := block.Block{SignedHeader: held.Block.SignedHeader}
			body := len(empty.Encode()) - headSize(0) + headSize(len(held.Block.Messages)) + bodiesSize(held.Block.Messages, false)
			proof := 0
			if held.Certificate != nil {
				proof = len(held.Certificate.Encode())
			}
			size += headSize(2) + headSize(body) + body + headSize(proof) + proof
		}
		return size
	case canonical.Appender: // its kind precedes it
		m.scratch = f.AppendCanonical(m.scratch[:0])
		return 1 + len(m.scratch)
	}
	return len(wire.Encode(frame))
}

// bodiesSize adds up encoded messages, each in a byte string of its own if wrapped.
func bodiesSize(messages []block.Message, wrapped bool) int {
	size := 0
	for _, m := range messages {
		size += m.Size()
		if wrapped {
			size += headSize(m.Size())
		}
	}
	return size
}

// headSize returns the length of the head of a CBOR array or byte string with this length.
func headSize(length int) int {
	switch {
	case length < 24:
		return 1
	case length < 1<<8:
		return 2
	case length < 1<<16:
		return 3
	}
	return 5
}
