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

// ID identifies a block: the SHA-256 of the bytes that its creator signs.
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

// Slot is the position of one block: its height in the chain of its creator in a group. Heights are
// 1..canonical.MaxNumber.
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

// String describes the slot for logs and errors, as creator/height.
func (s Slot) String() string { return fmt.Sprintf("%s/%d", s.Creator.Short(), s.Height) }

// Header commits its creator to one block. Time is the creator's clock in milliseconds since 1970;
// the protocol never compares it with another clock.
type Header struct {
	_       struct{} `cbor:",toarray"`
	Network string
	Group   membership.ID
	Creator keys.Public
	Height  uint64
	Parent  ID // ID of the block at Height-1; zero at height 1
	Time    int64
	Root    Hash   // RFC 6962 tree hash of the message IDs in order, see Root
	Count   uint32 // number of messages
}

const headerDomain = "ephemera/block/v1"

// SigningBytes returns the bytes that the creator signs.
func (h Header) SigningBytes() []byte {
	return h.AppendCanonical(keys.AppendDomain(make([]byte, 0, maxHeaderBytes/2), headerDomain, h.Network))
}

// ID returns the block's ID, the hash of SigningBytes.
func (h Header) ID() ID {
	var signing [maxHeaderBytes]byte
	return sha256.Sum256(h.AppendCanonical(keys.AppendDomain(signing[:0], headerDomain, h.Network)))
}

// Slot returns the block's position.
func (h Header) Slot() Slot { return Slot{Group: h.Group, Creator: h.Creator, Height: h.Height} }

// Check returns an error if no correct member of group creates such a header. It does not look at
// the creator's chain. Errors wrap ErrInvalid.
func (h Header) Check(group *membership.Group) error {
	switch {
	case h.Network != group.Network() || h.Group != group.ID():
		return fmt.Errorf("%w: header of group %s, expected %s", ErrInvalid, h.Group, group.ID())
	case !group.Contains(h.Creator):
		return fmt.Errorf("%w: creator %s is not a member of group %d", ErrInvalid, h.Creator, group.Number())
	case h.Height == 0 || h.Height > canonical.MaxNumber:
		return fmt.Errorf("%w: heights are 1..%d, not %d", ErrInvalid, int64(canonical.MaxNumber), h.Height)
	case (h.Height == 1) != (h.Parent == ID{}):
		return fmt.Errorf("%w: parent %s at height %d, expected a zero parent at height 1 only", ErrInvalid, h.Parent.Short(), h.Height)
	case canonical.CheckNumber(h.Time) != nil:
		return fmt.Errorf("%w: block time: %w", ErrInvalid, canonical.CheckNumber(h.Time))
	case h.Count > group.Limits().BlockMessages:
		return fmt.Errorf("%w: %d messages, at most %d", ErrInvalid, h.Count, group.Limits().BlockMessages)
	}
	return nil
}

// SignedHeader is a header with the signature of its creator.
type SignedHeader struct {
	_         struct{} `cbor:",toarray"`
	Header    Header
	Signature keys.Signature
}

// Verify reports whether the creator's signature is valid.
func (s SignedHeader) Verify() bool {
	return s.Header.Creator.Verify(s.Header.SigningBytes(), s.Signature)
}

// Block is a signed header with its messages in order. The signature is zero until the creator has
// signed.
type Block struct {
	SignedHeader
	Messages []Message
}

// New returns the unsigned block of the given messages. Time is in milliseconds since 1970.
func New(group *membership.Group, creator keys.Public, height uint64, parent ID, time int64, messages []Message) Block {
	b := Block{Messages: messages}
	b.Header = Header{
		Network: group.Network(), Group: group.ID(), Creator: creator, Height: height, Parent: parent, Time: time,
		Root: Root(b.MessageIDs()), Count: uint32(len(messages)),
	}
	return b
}

// ID returns the block's ID.
func (b Block) ID() ID { return b.Header.ID() }

// Pruned reports whether a store has removed the block's messages: the header counts some, and none
// is left.
func (b Block) Pruned() bool { return b.Header.Count > 0 && len(b.Messages) == 0 }

// BodyBytes returns the total size of the encoded messages in bytes. The group's limit BlockBytes
// applies to it.
func (b Block) BodyBytes() int {
	size := 0
	for _, m := range b.Messages {
		size += m.Size()
	}
	return size
}

// MessageIDs returns the IDs of the messages in order.
func (b Block) MessageIDs() []MessageID {
	ids := make([]MessageID, len(b.Messages))
	for i := range b.Messages {
		ids[i] = b.Messages[i].ID()
	}
	return ids
}

// Proposal returns the block with message IDs in place of messages.
func (b Block) Proposal() Proposal {
	return Proposal{SignedHeader: b.SignedHeader, IDs: b.MessageIDs()}
}

// Check returns an error unless the header is valid in group, commits to the messages, and the
// messages are within the group's limits. It does not verify signatures. Errors wrap ErrInvalid.
func (b Block) Check(group *membership.Group) error {
	if err := b.Proposal().Check(group); err != nil {
		return err
	}
	return b.CheckMessages(group)
}

// CheckMessages is Check for a block whose proposal has been checked: it checks the messages
// against the group's network and limits only.
func (b Block) CheckMessages(group *membership.Group) error {
	limits := group.Limits()
	for _, m := range b.Messages {
		if m.Network() != group.Network() {
			return fmt.Errorf("%w: message %s is for network %q, expected %q", ErrInvalid, m.ID(), m.Network(), group.Network())
		}
		if len(m.Payload()) > int(limits.PayloadBytes) {
			return fmt.Errorf("%w: payload of %d bytes, at most %d", ErrInvalid, len(m.Payload()), limits.PayloadBytes)
		}
	}
	if bytes := b.BodyBytes(); bytes > int(limits.BlockBytes) {
		return fmt.Errorf("%w: messages of %d bytes in total, at most %d", ErrInvalid, bytes, limits.BlockBytes)
	}
	return nil
}

// VerifySignatures returns an error unless the signatures of the creator and of every sender are
// valid. It is safe for concurrent use. Errors wrap ErrInvalid.
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

// maxHeaderBytes bounds an encoded signed header together with the array heads around it.
const maxHeaderBytes = 512

// MaxBytes returns the largest length of an encoded block in a group with these limits.
func MaxBytes(limits membership.Limits) int { return maxHeaderBytes + int(limits.BlockBytes) }

// Decode decodes a block that Encode wrote, bounded by limits. It checks neither the Merkle root
// nor the signatures; call Check and VerifySignatures. Errors wrap ErrInvalid.
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

// Proposal is a compact block: a signed header with message IDs. Its receiver finds the messages in
// its mempool and fetches those that are missing.
type Proposal struct {
	SignedHeader
	IDs []MessageID
}

// Check returns an error unless the header is valid in group and commits to the IDs. It does not
// verify the signature. Errors wrap ErrInvalid.
func (p Proposal) Check(group *membership.Group) error {
	if err := p.Header.Check(group); err != nil {
		return err
	}
	if int(p.Header.Count) != len(p.IDs) {
		return fmt.Errorf("%w: header counts %d messages, but there are %d", ErrInvalid, p.Header.Count, len(p.IDs))
	}
	if id, ok := duplicate(p.IDs); ok {
		return fmt.Errorf("%w: message %s is listed twice", ErrInvalid, id)
	}
	if Root(p.IDs) != p.Header.Root {
		return fmt.Errorf("%w: the header's root does not match the messages", ErrInvalid)
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

// duplicate returns an ID that occurs more than once in a list, and whether there is one.
func duplicate(ids []MessageID) (MessageID, bool) {
	const short = 16 // comparing all pairs of so few needs no map
	if len(ids) <= short {
		for i := range ids {
			if slices.Contains(ids[:i], ids[i]) {
				return ids[i], true
			}
		}
		return MessageID{}, false
	}
	seen := make(map[MessageID]struct{}, len(ids))
	for _, id := range ids {
		if _, found := seen[id]; found {
			return id, true
		}
		seen[id] = struct{}{}
	}
	return MessageID{}, false
}

// DecodeProposal decodes a proposal that Encode wrote, bounded by limits. It checks neither the
// Merkle root nor the signature; call Check and Verify. Errors wrap ErrInvalid.
func DecodeProposal(data []byte, limits membership.Limits) (Proposal, error) {
	var w wireProposal
	if err := canonical.Decode(data, maxHeaderBytes+34*int(limits.BlockMessages), &w); err != nil {
		return Proposal{}, fmt.Errorf("%w: proposal: %w", ErrInvalid, err)
	}
	return Proposal{SignedHeader: w.Signed, IDs: w.IDs}, nil
}
