package api

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Bytes are canonical bytes, hexadecimal in JSON.
type Bytes []byte

// MarshalText encodes the bytes in hexadecimal.
func (b Bytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b), nil }

// UnmarshalText decodes hexadecimal digits.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.AppendDecode(nil, text)
	return err
}

// Hash is a SHA-256 digest, hexadecimal in JSON.
type Hash block.Hash

// MarshalText encodes the digest in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText decodes 64 hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return fmt.Errorf("hash has %d characters, expected %d hexadecimal digits", len(text), 2*len(h))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// Message is a client's signed message.
type Message struct {
	ID        block.MessageID `json:"id" doc:"Hash of what the sender signed."`
	Network   string          `json:"network" doc:"The network that it was signed for."`
	Label     string          `json:"label" doc:"What the client calls this kind of data."`
	Payload   []byte          `json:"payload" nullable:"false" doc:"The client's bytes, base64."`
	Sender    keys.Public     `json:"sender" doc:"The key that signed."`
	Time      int64           `json:"time" doc:"The sender's clock in milliseconds since 1970, as signed."`
	Signature keys.Signature  `json:"signature" doc:"The sender's signature."`
}

// NewMessage returns the form of a message that travels over the API.
func NewMessage(m block.Message) Message {
	return Message{
		ID: m.ID(), Network: m.Network(), Label: m.Label(), Payload: notNil(m.Payload()), Sender: m.Sender(), Time: m.Time(),
		Signature: m.Signature(),
	}
}

// Canonical returns the message as it was signed. The error wraps block.ErrInvalid, also when the
// ID is another. The signature is not checked: see block.Message.Verify.
func (m Message) Canonical() (block.Message, error) {
	canonical, err := block.NewMessage(given{m.Sender, m.Signature}, m.Network, m.Label, m.Payload, m.Time)
	if err == nil && canonical.ID() != m.ID {
		err = fmt.Errorf("%w: message %s is called %s", block.ErrInvalid, canonical.ID(), m.ID)
	}
	return canonical, err
}

// given is a signer that has signed before.
type given struct {
	key       keys.Public
	signature keys.Signature
}

func (g given) Public() keys.Public        { return g.key }
func (g given) Sign([]byte) keys.Signature { return g.signature }

// Header is a block's signed header.
type Header struct {
	ID        block.ID       `json:"id" doc:"Hash of the header."`
	Network   string         `json:"network"`
	Group     membership.ID  `json:"group" doc:"ID of the group in which the block's quorum is counted."`
	Creator   keys.Public    `json:"creator" doc:"The member whose chain the block is in."`
	Height    uint64         `json:"height" doc:"Place in the chain, from 1."`
	Parent    block.ID       `json:"parent" doc:"ID of the block at the height before; zeros at height 1."`
	Time      int64          `json:"time" doc:"The creator's clock in milliseconds since 1970; it binds nobody."`
	Root      Hash           `json:"root" doc:"RFC 6962 Merkle root over the message IDs in order."`
	Count     uint32         `json:"count" doc:"How many messages the block has."`
	Signature keys.Signature `json:"signature" doc:"The creator's signature."`
}

// NewHeader returns the form of a header that travels over the API.
func NewHeader(s block.SignedHeader) Header {
	h := s.Header
	return Header{
		ID: h.ID(), Network: h.Network, Group: h.Group, Creator: h.Creator, Height: h.Height, Parent: h.Parent, Time: h.Time,
		Root: Hash(h.Root), Count: h.Count, Signature: s.Signature,
	}
}

// Canonical returns the header as it was signed. The error wraps block.ErrInvalid: the ID is
// another. The signature is not checked: see block.SignedHeader.Verify.
func (h Header) Canonical() (block.SignedHeader, error) {
	s := block.SignedHeader{Header: block.Header{
		Network: h.Network, Group: h.Group, Creator: h.Creator, Height: h.Height, Parent: h.Parent, Time: h.Time, Root: block.Hash(h.Root),
		Count: h.Count,
	}, Signature: h.Signature}
	if s.Header.ID() != h.ID {
		return s, fmt.Errorf("%w: block %s is called %s", block.ErrInvalid, s.Header.ID(), h.ID)
	}
	return s, nil
}

// Block is a certified block.
type Block struct {
	Header
	Messages []Message `json:"messages" nullable:"false" doc:"In the order of the block; none when they were pruned."`
	Pruned   bool      `json:"pruned,omitempty" doc:"The retention removed the messages; header and certificate are kept."`
}

// NewBlock returns the form of a block that travels over the API.
func NewBlock(b block.Block) Block {
	out := Block{Header: NewHeader(b.SignedHeader), Messages: make([]Message, len(b.Messages))}
	for i, m := range b.Messages {
		out.Messages[i] = NewMessage(m)
	}
	out.Pruned = b.Header.Count > 0 && len(b.Messages) == 0
	return out
}

// Canonical returns the block as it was signed. The error wraps block.ErrInvalid: an ID is another,
// or a message has a form that none has. Whether the block is a correct one of its group:
// block.Block.Check, VerifySignatures, and certificate.VerifyBlock for all of it.
func (b Block) Canonical() (block.Block, error) {
	header, err := b.Header.Canonical()
	if err != nil {
		return block.Block{}, err
	}
	out := block.Block{SignedHeader: header}
	for _, m := range b.Messages {
		canonical, err := m.Canonical()
		if err != nil {
			return block.Block{}, err
		}
		out.Messages = append(out.Messages, canonical)
	}
	return out, nil
}

// Echo is one member's signature in a certificate.
type Echo struct {
	Key       keys.Public    `json:"key"`
	PeerID    string         `json:"peer_id"`
	Name      string         `json:"name,omitempty" doc:"What the node's membership list calls the member."`
	Signature keys.Signature `json:"signature" doc:"Over network, group, slot and block ID."`
}

// Certificate proves a block certified. Signers and GroupNumber are for people; Encoded and Header
// are what Verify looks at.
type Certificate struct {
	Header      Header `json:"header" doc:"The certified header."`
	GroupNumber uint64 `json:"group_number"`
	Signers     []Echo `json:"signers" nullable:"false" doc:"In the byte order of their keys."`
	Encoded     Bytes  `json:"encoded" doc:"Canonical bytes of the certificate."`
	// Group is the canonical description of the group, so that a reader who knows its ID needs nothing
	// else. Lists leave it out.
	Group Bytes `json:"group_encoded,omitempty" doc:"Canonical bytes of the group; its ID is in the header."`
}

// NewCertificate returns the form of a valid certificate of group that travels over the API. Name
// tells what members are called; nil: they have no names.
func NewCertificate(header block.SignedHeader, c certificate.Certificate, group *membership.Group, name func(keys.Public) string) Certificate {
	out := Certificate{Header: NewHeader(header), GroupNumber: group.Number(), Signers: []Echo{}, Encoded: c.Encode()}
	for i, key := range c.Members(group) {
		echo := Echo{Key: key, PeerID: key.PeerID(), Signature: c.Signatures[i]}
		if name != nil {
			echo.Name = name(key)
		}
		out.Signers = append(out.Signers, echo)
	}
	return out
}

// Canonical returns the certificate as it was made. The error wraps certificate.ErrInvalid: the
// bytes are none, or are of another block than the header. It verifies nothing: see Verify.
func (c Certificate) Canonical() (certificate.Certificate, error) {
	decoded, err := certificate.Decode(c.Encoded, membership.MaxMembers)
	if err != nil {
		return certificate.Certificate{}, err
	}
	header, err := c.Header.Canonical()
	if err != nil {
		return certificate.Certificate{}, fmt.Errorf("%w: %w", certificate.ErrInvalid, err)
	}
	if decoded.Block != header.Header.ID() || decoded.Slot != header.Header.Slot() {
		return certificate.Certificate{}, fmt.Errorf("%w: it is of block %s, the header of %s", certificate.ErrInvalid, decoded.Block, header.Header.ID())
	}
	return decoded, nil
}

// Verify tells whether the certificate proves its header certified in a group that the caller
// trusts: the header's form and signature, and those of q members. The error wraps
// certificate.ErrInvalid or block.ErrInvalid.
func (c Certificate) Verify(group *membership.Group) error {
	decoded, err := c.Canonical()
	if err != nil {
		return err
	}
	header, err := c.Header.Canonical()
	if err != nil {
		return err
	}
	if err := header.Header.Check(group); err != nil {
		return err
	}
	if !header.Verify() {
		return fmt.Errorf("%w: the header's signature is not its creator's", block.ErrInvalid)
	}
	if err := decoded.Verify(group); err != nil {
		return err
	}
	return c.shows(NewCertificate(header, decoded, group, nil))
}

// shows tells whether people read in the certificate what its bytes prove. Names are what the node
// that told it calls members.
func (c Certificate) shows(proven Certificate) error {
	same := func(a, b Echo) bool { return a.Key == b.Key && a.PeerID == b.PeerID && a.Signature == b.Signature }
	if c.GroupNumber != proven.GroupNumber || !slices.EqualFunc(c.Signers, proven.Signers, same) {
		return fmt.Errorf("%w: its bytes are valid, and prove another group number or other signers than it shows", certificate.ErrInvalid)
	}
	return nil
}

// Entry is a certified block at its place in the order in which the node got them.
type Entry struct {
	Cursor      Cursor      `json:"cursor" doc:"The block's place: ask from here for those after it."`
	Block       Block       `json:"block"`
	Certificate Certificate `json:"certificate"`
}

// Verify tells whether the entry holds a certified block of a group that the caller trusts: all
// signatures of block and certificate. Of a pruned block it checks what is left. The error wraps
// block.ErrInvalid or certificate.ErrInvalid.
func (e Entry) Verify(group *membership.Group) error {
	b, err := e.Block.Canonical()
	if err != nil {
		return err
	}
	if e.Certificate.Header.ID != e.Block.ID {
		return fmt.Errorf("%w: it is of block %s, not of %s", certificate.ErrInvalid, e.Certificate.Header.ID, e.Block.ID)
	}
	if e.Block.Pruned {
		return e.Certificate.Verify(group)
	}
	c, err := e.Certificate.Canonical()
	if err != nil {
		return err
	}
	return certificate.VerifyBlock(group, b, c)
}

// BlockPage is a part of the node's blocks.
type BlockPage struct {
	Blocks []Entry `json:"blocks" nullable:"false"`
	Next   Cursor  `json:"next" doc:"Ask from here for the next page; it is the cursor of the last block, or the one that was asked from."`
}

// Evidence is two headers of one slot, both signed by its creator.
type Evidence struct {
	Creator keys.Public   `json:"creator" doc:"The member that equivocated."`
	Group   membership.ID `json:"group"`
	Height  uint64        `json:"height"`
	A       Header        `json:"a"`
	B       Header        `json:"b"`
}

// NewEvidence returns the form of an equivocation proof that travels over the API.
func NewEvidence(a, b block.SignedHeader) Evidence {
	slot := a.Header.Slot()
	return Evidence{Creator: slot.Creator, Group: slot.Group, Height: slot.Height, A: NewHeader(a), B: NewHeader(b)}
}

// Verify tells whether the evidence proves that its creator signed two headers for one slot. The
// error wraps block.ErrInvalid.
func (e Evidence) Verify() error {
	a, err := e.A.Canonical()
	if err != nil {
		return err
	}
	b, err := e.B.Canonical()
	if err != nil {
		return err
	}
	slot := block.Slot{Group: e.Group, Creator: e.Creator, Height: e.Height}
	switch {
	case a.Header.ID() == b.Header.ID():
		return fmt.Errorf("%w: both headers are the same", block.ErrInvalid)
	case a.Header.Slot() != slot || b.Header.Slot() != slot || a.Header.Network != b.Header.Network:
		return fmt.Errorf("%w: the headers are not of the slot", block.ErrInvalid)
	case !a.Verify() || !b.Verify():
		return fmt.Errorf("%w: a signature is not the creator's", block.ErrInvalid)
	}
	return nil
}

// notNil makes an empty payload of none, so that JSON has one form of it.
func notNil(payload []byte) []byte {
	if payload == nil {
		return []byte{}
	}
	return payload
}
