package simulation

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// The checker judges blocks by what PROTOCOL.md says in section 7, in code of its own: nothing here
// calls the checks, the Merkle tree or the encodings that the members use.

// formTwin judges forms. It keeps what it computed of messages, by their identity in memory: a
// message never changes, and members' blocks hold the same ones.
type formTwin map[block.Message]messageTwin

// messageTwin is the ID of a message, and its size in a block.
type messageTwin struct {
	id   block.MessageID
	size int
}

// mostTwins bounds the messages that are kept.
const mostTwins = 4096

// message computes what is not known yet.
func (t formTwin) message(m block.Message) messageTwin {
	known, ok := t[m]
	if !ok {
		content := contentTwin(m)
		known = messageTwin{
			id:   sha256.Sum256(append(tagTwin("ephemera/message/v1"), content...)),
			size: 1 + len(content) + 2 + len(m.Signature()), // an array of content and signature
		}
		if len(t) >= mostTwins {
			clear(t)
		}
		t[m] = known
	}
	return known
}

// form returns what is wrong with the form of a block of a group, or "". The messages of a block
// may have been removed only where the caller says so.
func (t formTwin) form(b block.Block, group *membership.Group) string {
	h, limits := b.Header, group.Limits()
	switch {
	case h.Network != network || h.Group != group.ID() || !group.Contains(h.Creator):
		return "it is not of this network, group and members"
	case h.Height < 1 || h.Height > greatest:
		return fmt.Sprintf("its height is %d", h.Height)
	case (h.Height == 1) != (h.Parent == block.ID{}):
		return "its parent is zero above height 1, or not zero there"
	case h.Time < 0 || uint64(h.Time) > greatest:
		return fmt.Sprintf("its time is %d", h.Time)
	case uint64(h.Count) > uint64(limits.BlockMessages) || int(h.Count) != len(b.Messages):
		return fmt.Sprintf("it counts %d messages, has %d, and at most %d are allowed", h.Count, len(b.Messages), limits.BlockMessages)
	}
	return t.messagesForm(b, limits)
}

// greatest is the greatest number: 2^53-1.
const greatest = 1<<53 - 1

// messagesForm returns what is wrong with the messages of a block, or "".
func (t formTwin) messagesForm(b block.Block, limits membership.Limits) string {
	seen, ids, bytes := map[block.MessageID]bool{}, make([]block.MessageID, 0, len(b.Messages)), 0
	for _, m := range b.Messages {
		twin := t.message(m)
		id := twin.id
		bytes += twin.size
		ids = append(ids, id)
		switch {
		case seen[id] || id != m.ID():
			return "it holds a message twice, or one with another ID"
		case m.Network() != network || len(m.Label()) > 64 || !utf8.ValidString(m.Label()):
			return "it holds a message of another network, or with a label that is too long or no text"
		case len(m.Payload()) > int(limits.PayloadBytes) || m.Time() < 0 || uint64(m.Time()) > greatest:
			return fmt.Sprintf("it holds a message with a payload of %d bytes and time %d", len(m.Payload()), m.Time())
		}
		seen[id] = true
	}
	if bytes > int(limits.BlockBytes) {
		return fmt.Sprintf("its messages have %d bytes, at most %d are allowed", bytes, limits.BlockBytes)
	}
	if rootTwin(ids) != b.Header.Root {
		return "its root is not that of its messages"
	}
	return ""
}

// idTwin returns the ID of a block: the hash of its header.
func idTwin(h block.Header) block.ID {
	data := append(tagTwin("ephemera/block/v1"), headTwin(4, 8)...)
	data = append(append(data, headTwin(3, uint64(len(h.Network)))...), h.Network...)
	for _, part := range [][]byte{h.Group[:], h.Creator[:]} {
		data = append(append(data, headTwin(2, 32)...), part...)
	}
	data = append(data, headTwin(0, h.Height)...)
	data = append(append(data, headTwin(2, 32)...), h.Parent[:]...)
	data = append(data, headTwin(0, uint64(h.Time))...)
	data = append(append(data, headTwin(2, 32)...), h.Root[:]...)
	return sha256.Sum256(append(data, headTwin(0, uint64(h.Count))...))
}

// contentTwin returns the CBOR encoding of what the sender of a message signs.
func contentTwin(m block.Message) []byte {
	data := headTwin(4, 5)
	data = append(append(data, headTwin(3, uint64(len(m.Network())))...), m.Network()...)
	data = append(append(data, headTwin(3, uint64(len(m.Label())))...), m.Label()...)
	data = append(append(data, headTwin(2, uint64(len(m.Payload())))...), m.Payload()...)
	sender := m.Sender()
	data = append(append(data, headTwin(2, 32)...), sender[:]...)
	return append(data, headTwin(0, uint64(m.Time()))...)
}

// tagTwin returns what everything that is signed begins with.
func tagTwin(domain string) []byte {
	return append(append(append([]byte(domain), 0), byte(len(network))), network...)
}

// headTwin returns the head of a CBOR item of a major type, with the shortest argument.
func headTwin(major byte, n uint64) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(n))
	}
	return binary.BigEndian.AppendUint64([]byte{major<<5 | 27}, n)
}
