package block

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// ID is the hash of a block's header.
type ID [sha256.Size]byte

// String returns the ID in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Compare orders IDs by their bytes.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// Short returns the first eight hexadecimal digits, for logs and tables.
func (id ID) Short() string { return hex.EncodeToString(id[:4]) }

// MarshalText encodes the ID in hexadecimal.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText decodes 64 hexadecimal digits.
func (id *ID) UnmarshalText(text []byte) error { return decodeHex(id[:], text) }

// Slot is the place of one block: the height-th of its creator's chain in a group. Heights count
// from 1.
type Slot struct {
	_       struct{} `cbor:",toarray"`
	Group   membership.ID
	Creator keys.Public
	Height  uint64
}

// Compare orders slots by group, creator and height.
func (s Slot) Compare(o Slot) int {
	return cmp.Or(cmp.Compare(string(s.Group[:]), string(o.Group[:])), s.Creator.Compare(o.Creator), cmp.Compare(s.Height, o.Height))
}

// String names the slot for people: creator and height.
func (s Slot) String() string { return fmt.Sprintf("%s/%d", s.Creator.Short(), s.Height) }

// Header commits its creator to one block. Time is the creator's clock in milliseconds since 1970
// and binds nobody.
type Header struct {
	_       struct{} `cbor:",toarray"`
	Network string
	Group   membership.ID
	Creator keys.Public
	Height  uint64
	Parent  ID // of the block at Height-1; zero at height 1
	Time    int64
	Root    Hash // RFC 6962 over the message IDs in order
	Count   uint32
}

const headerDomain = "ephemera/block/v1"

// SigningBytes returns what the creator signs.
func (h Header) SigningBytes() []byte {
	return h.AppendCanonical(keys.AppendDomain(make([]byte, 0, maxHeaderBytes/2), headerDomain, h.Network))
}

// ID returns the block's ID, the hash of what the creator signs.
func (h Header) ID() ID {
	var signing [maxHeaderBytes]byte
	return sha256.Sum256(h.AppendCanonical(keys.AppendDomain(signing[:0], headerDomain, h.Network)))
}

// Slot returns the block's place.
func (h Header) Slot() Slot { return Slot{Group: h.Group, Creator: h.Creator, Height: h.Height} }

// Check tells whether the header could be a correct creator's in this group, its own chain aside.
func (h Header) Check(group *membership.Group) error {
	switch {
	case h.Network != group.Network() || h.Group != group.ID():
		return fmt.Errorf("%w: header of group %s, expected %s", ErrInvalid, h.Group, group.ID())
	case !group.Contains(h.Creator):
		return fmt.Errorf("%w: creator %s is no member of group %d", ErrInvalid, h.Creator, group.Number())
	case h.Height == 0:
		return fmt.Errorf("%w: heights count from 1", ErrInvalid)
	case (h.Height == 1) != (h.Parent == ID{}):
		return fmt.Errorf("%w: parent %s at height %d", ErrInvalid, h.Parent.Short(), h.Height)
	case h.Time < 0:
		return fmt.Errorf("%w: block time %d is before 1970", ErrInvalid, h.Time)
	case h.Count > group.Limits().BlockMessages:
		return fmt.Errorf("%w: %d messages, at most %d", ErrInvalid, h.Count, group.Limits().BlockMessages)
	}
	return nil
}

// SignedHeader is a header with its creator's signature.
type SignedHeader struct {
	_         struct{} `cbor:",toarray"`
	Header    Header
	Signature keys.Signature
}

// Verify tells whether the signature is the creator's.
func (s SignedHeader) Verify() bool {
	return s.Header.Creator.Verify(s.Header.SigningBytes(), s.Signature)
}

// Block is a header with its messages in order. A block whose creator has not signed yet has a zero
// signature.
type Block struct {
	SignedHeader
	Messages []Message
}

// New makes the unsigned block of these messages.
func New(group *membership.Group, creator keys.Public, height uint64, parent ID, time int64, messages []Message) Block {
	b := Block{Messages: messages}
	b.Header = Header{
		Network: group.Network(), Group: group.ID(), Creator: creator, Height: height, Parent: parent, Time: time,
		Root: Root(b.MessageIDs()), Count: uint32(len(messages)),
	}
	return b
}

// ID returns the hash of the header.
func (b Block) ID() ID { return b.Header.ID() }

// Pruned tells whether the header counts messages and none is there: a store has removed them.
func (b Block) Pruned() bool { return b.Header.Count > 0 && len(b.Messages) == 0 }

// BodyBytes returns the size of the encoded messages together, which BlockBytes of the group's
// limits bounds.
func (b Block) BodyBytes() int {
	size := 0
	for _, m := range b.Messages {
		size += m.Size()
	}
	return size
}

// MessageIDs returns the IDs in order.
func (b Block) MessageIDs() []MessageID {
	ids := make([]MessageID, len(b.Messages))
	for i := range b.Messages {
		ids[i] = b.Messages[i].ID()
	}
	return ids
}

// Proposal returns the block without bodies.
func (b Block) Proposal() Proposal {
	return Proposal{SignedHeader: b.SignedHeader, IDs: b.MessageIDs()}
}

// Check tells whether the messages are those of the header and within the group's limits.
// Signatures are not looked at.
func (b Block) Check(group *membership.Group) error {
	if err := b.Proposal().Check(group); err != nil {
		return err
	}
	return b.CheckMessages(group)
}

// CheckMessages is Check of a block whose proposal was checked already: it looks at the messages
// alone.
func (b Block) CheckMessages(group *membership.Group) error {
	limits := group.Limits()
	for _, m := range b.Messages {
		if m.Network() != group.Network() {
			return fmt.Errorf("%w: message %s is of network %q", ErrInvalid, m.ID(), m.Network())
		}
		if len(m.Payload()) > int(limits.PayloadBytes) {
			return fmt.Errorf("%w: payload of %d bytes, at most %d", ErrInvalid, len(m.Payload()), limits.PayloadBytes)
		}
	}
	if bytes := b.BodyBytes(); bytes > int(limits.BlockBytes) {
		return fmt.Errorf("%w: messages of %d bytes, at most %d", ErrInvalid, bytes, limits.BlockBytes)
	}
	return nil
}

// VerifySignatures tells whether the creator's and every sender's signature is valid. Safe to run
// beside anything.
func (b Block) VerifySignatures() error {
	if !b.SignedHeader.Verify() {
		return fmt.Errorf("%w: header %s is not signed by its creator", ErrInvalid, b.ID().Short())
	}
	for _, m := range b.Messages {
		if !m.Verify() {
			return fmt.Errorf("%w: message %s is not signed by its sender", ErrInvalid, m.ID())
		}
	}
	return nil
}

type wireBlock struct {
	_        struct{} `cbor:",toarray"`
	Signed   SignedHeader
	Messages []wireMessage
}

// Encode returns the canonical bytes.
func (b Block) Encode() []byte {
	size := maxHeaderBytes
	for i := range b.Messages {
		size += b.Messages[i].Size()
	}
	return b.AppendCanonical(make([]byte, 0, size))
}

// maxHeaderBytes bounds an encoded signed header with its array heads.
const maxHeaderBytes = 512

// MaxBytes returns the greatest length of an encoded block of a group with these limits.
func MaxBytes(limits membership.Limits) int { return maxHeaderBytes + int(limits.BlockBytes) }

// Decode reads an encoded block within limits. It checks neither root nor signatures: see Check and
// VerifySignatures.
func Decode(data []byte, limits membership.Limits) (Block, error) {
	var w wireBlock
	if err := canonical.Decode(data, MaxBytes(limits), &w); err != nil {
		return Block{}, fmt.Errorf("%w: block: %w", ErrInvalid, err)
	}
	b := Block{SignedHeader: w.Signed, Messages: make([]Message, len(w.Messages))}
	for i, m := range w.Messages {
		var err error
		if b.Messages[i], err = m.message(limits.PayloadBytes); err != nil {
			return Block{}, err
		}
	}
	return b, nil
}

// Proposal is a compact block: bodies are already in the mempools, and missing ones are fetched.
type Proposal struct {
	SignedHeader
	IDs []MessageID
}

// Check tells whether the IDs are those of the header. The signature is not looked at.
func (p Proposal) Check(group *membership.Group) error {
	if err := p.Header.Check(group); err != nil {
		return err
	}
	if int(p.Header.Count) != len(p.IDs) {
		return fmt.Errorf("%w: header counts %d messages, block has %d", ErrInvalid, p.Header.Count, len(p.IDs))
	}
	if id, ok := Twice(p.IDs); ok {
		return fmt.Errorf("%w: message %s is listed twice", ErrInvalid, id)
	}
	if Root(p.IDs) != p.Header.Root {
		return fmt.Errorf("%w: the header's root is not that of the messages", ErrInvalid)
	}
	return nil
}

type wireProposal struct {
	_      struct{} `cbor:",toarray"`
	Signed SignedHeader
	IDs    []MessageID
}

// Encode returns the canonical bytes.
func (p Proposal) Encode() []byte {
	return p.AppendCanonical(make([]byte, 0, maxHeaderBytes+34*len(p.IDs)))
}

// Twice finds an ID that is in a list more than once.
func Twice(ids []MessageID) (MessageID, bool) {
	const few = 16
	if len(ids) <= few {
		for i := range ids {
			if slices.Contains(ids[:i], ids[i]) {
				return ids[i], true
			}
		}
		return MessageID{}, false
	}
	seen := make(map[MessageID]struct{}, len(ids))
	for _, id := range ids {
		if _, twice := seen[id]; twice {
			return id, true
		}
		seen[id] = struct{}{}
	}
	return MessageID{}, false
}

// DecodeProposal reads an encoded proposal within limits. It checks neither root nor signature.
func DecodeProposal(data []byte, limits membership.Limits) (Proposal, error) {
	var w wireProposal
	if err := canonical.Decode(data, maxHeaderBytes+34*int(limits.BlockMessages), &w); err != nil {
		return Proposal{}, fmt.Errorf("%w: proposal: %w", ErrInvalid, err)
	}
	return Proposal{SignedHeader: w.Signed, IDs: w.IDs}, nil
}
