package api

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
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
	Network   string          `json:"network" doc:"The network it was signed for."`
	Label     string          `json:"label" doc:"The client's name for this kind of data."`
	Payload   []byte          `json:"payload" nullable:"false" doc:"The client's bytes, base64."`
	Sender    keys.Public     `json:"sender" doc:"The key that signed."`
	Time      int64           `json:"time" doc:"The sender's clock in milliseconds since 1970, as signed."`
	Signature keys.Signature  `json:"signature" doc:"The sender's signature."`
}

// NewMessage returns the API's form of a message.
func NewMessage(m block.Message) Message {
	return Message{
		ID: m.ID(), Network: m.Network(), Label: m.Label(), Payload: notNil(m.Payload()), Sender: m.Sender(), Time: m.Time(),
		Signature: m.Signature(),
	}
}

// Canonical returns the message as it was signed. The error wraps block.ErrInvalid, also if the ID
// does not match. It does not verify the signature: see block.Message.Verify.
func (m Message) Canonical() (block.Message, error) {
	canonical, err := block.NewMessage(knownSignature{m.Sender, m.Signature}, m.Network, m.Label, m.Payload, m.Time)
	if err == nil && canonical.ID() != m.ID {
		err = fmt.Errorf("%w: message %s has the ID %s", block.ErrInvalid, canonical.ID(), m.ID)
	}
	return canonical, err
}

// knownSignature is a block.Signer that returns a signature made before.
type knownSignature struct {
	key       keys.Public
	signature keys.Signature
}

func (k knownSignature) Public() keys.Public        { return k.key }
func (k knownSignature) Sign([]byte) keys.Signature { return k.signature }

// Header is a block's signed header.
type Header struct {
	ID        block.ID       `json:"id" doc:"Hash of the header."`
	Network   string         `json:"network"`
	Group     membership.ID  `json:"group" doc:"ID of the group in which the block's quorum is counted."`
	Creator   keys.Public    `json:"creator" doc:"The member whose chain the block is in."`
	Height    uint64         `json:"height" doc:"Position in the chain, from 1."`
	Parent    block.ID       `json:"parent" doc:"ID of the block at the height before; zeros at height 1."`
	Time      int64          `json:"time" doc:"The creator's clock in milliseconds since 1970. Nothing checks it."`
	Root      Hash           `json:"root" doc:"RFC 6962 Merkle root over the message IDs in order."`
	Count     uint32         `json:"count" doc:"How many messages the block has."`
	Signature keys.Signature `json:"signature" doc:"The creator's signature."`
}

// newHeader returns the API's form of a header.
func newHeader(s block.SignedHeader) Header {
	h := s.Header
	return Header{
		ID: h.ID(), Network: h.Network, Group: h.Group, Creator: h.Creator, Height: h.Height, Parent: h.Parent, Time: h.Time,
		Root: Hash(h.Root), Count: h.Count, Signature: s.Signature,
	}
}

// Canonical returns the header as it was signed. The error wraps block.ErrInvalid: the ID does not
// match. It does not verify the signature: see block.SignedHeader.Verify.
func (h Header) Canonical() (block.SignedHeader, error) {
	s := block.SignedHeader{Header: block.Header{
		Network: h.Network, Group: h.Group, Creator: h.Creator, Height: h.Height, Parent: h.Parent, Time: h.Time, Root: block.Hash(h.Root),
		Count: h.Count,
	}, Signature: h.Signature}
	if s.Header.ID() != h.ID {
		return s, fmt.Errorf("%w: block %s has the ID %s", block.ErrInvalid, s.Header.ID(), h.ID)
	}
	return s, nil
}

// Block is a certified block.
type Block struct {
	Header
	Messages []Message `json:"messages" nullable:"false" doc:"In the order of the block; empty if they were pruned."`
	Pruned   bool      `json:"pruned,omitempty" doc:"Retention removed the messages; header and certificate are kept."`
}

// NewBlock returns the API's form of a block.
func NewBlock(b block.Block) Block {
	out := Block{Header: newHeader(b.SignedHeader), Messages: make([]Message, len(b.Messages))}
	for i, m := range b.Messages {
		out.Messages[i] = NewMessage(m)
	}
	out.Pruned = b.Header.Count > 0 && len(b.Messages) == 0
	return out
}

// Canonical returns the block as it was signed. The error wraps block.ErrInvalid: an ID does not
// match, or a message is malformed. It does not check that the block is valid in its group: see
// Check and VerifySignatures of block.Block, and certificate.VerifyBlock for everything.
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
	Name      string         `json:"name,omitempty" doc:"The member's name in the node's membership list."`
	Signature keys.Signature `json:"signature" doc:"Over network, group, slot and block ID."`
}

// Certificate proves that a block is certified. Verify checks Encoded and Header, and that
// GroupNumber and Signers, which are for people, agree with them.
type Certificate struct {
	Header      Header `json:"header" doc:"The certified header."`
	GroupNumber uint64 `json:"group_number"`
	Signers     []Echo `json:"signers" nullable:"false" doc:"In the byte order of their keys."`
	Encoded     Bytes  `json:"encoded" doc:"Canonical bytes of the certificate."`
	// Group is the canonical encoding of the group, so that a reader who knows its ID needs nothing
	// else. It is omitted in lists.
	Group Bytes `json:"group_encoded,omitempty" doc:"Canonical bytes of the group; its ID is in the header."`
}

// NewCertificate returns the API's form of a valid certificate of a group. The function name
// returns members' names; it may be nil.
func NewCertificate(header block.SignedHeader, c certificate.Certificate, group *membership.Group, name func(keys.Public) string) Certificate {
	out := Certificate{Header: newHeader(header), GroupNumber: group.Number(), Signers: []Echo{}, Encoded: c.Encode()}
	for i, key := range c.Members(group) {
		echo := Echo{Key: key, PeerID: key.PeerID(), Signature: c.Signatures[i]}
		if name != nil {
			echo.Name = name(key)
		}
		out.Signers = append(out.Signers, echo)
	}
	return out
}

// Canonical returns the decoded certificate. The error wraps certificate.ErrInvalid: the bytes are
// malformed or belong to another block than the header. It verifies no signature: see Verify.
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
		return certificate.Certificate{}, fmt.Errorf("%w: it certifies block %s, the header is of block %s", certificate.ErrInvalid, decoded.Block, header.Header.ID())
	}
	return decoded, nil
}

// Verify returns nil if the certificate proves that its header is certified in a group that the
// caller trusts: it checks the header, its signature, and those of q members. The error wraps
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
	return c.checkShown(NewCertificate(header, decoded, group, nil))
}

// checkShown returns nil if the fields for people agree with what the bytes prove. Names are not
// compared: they are the responding node's own.
func (c Certificate) checkShown(proven Certificate) error {
	same := func(a, b Echo) bool { return a.Key == b.Key && a.PeerID == b.PeerID && a.Signature == b.Signature }
	if c.GroupNumber != proven.GroupNumber || !slices.EqualFunc(c.Signers, proven.Signers, same) {
		return fmt.Errorf("%w: it shows another group number or other signers than its bytes prove", certificate.ErrInvalid)
	}
	return nil
}

// Entry is a certified block with its position in the order in which the node received them.
type Entry struct {
	Cursor      Cursor      `json:"cursor" doc:"The block's position: ask from here for the blocks after it."`
	Block       Block       `json:"block"`
	Certificate Certificate `json:"certificate"`
}

// Verify returns nil if the entry holds a certified block of a group that the caller trusts. It
// checks all signatures of block and certificate; of a pruned block, those that are left. The error
// wraps block.ErrInvalid or certificate.ErrInvalid.
func (e Entry) Verify(group *membership.Group) error {
	b, err := e.Block.Canonical()
	if err != nil {
		return err
	}
	if e.Certificate.Header.ID != e.Block.ID {
		return fmt.Errorf("%w: it certifies block %s, not %s", certificate.ErrInvalid, e.Certificate.Header.ID, e.Block.ID)
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

// BlockPage is one page of the node's blocks.
type BlockPage struct {
	Blocks []Entry `json:"blocks" nullable:"false"`
	Next   Cursor  `json:"next" doc:"Ask from here for the next page. It is the cursor of the last block or, on an empty page, that of the request."`
}

// Evidence proves equivocation: two headers of one slot, both signed by its creator.
type Evidence struct {
	Creator keys.Public   `json:"creator" doc:"The member that equivocated."`
	Group   membership.ID `json:"group"`
	Height  uint64        `json:"height"`
	A       Header        `json:"a"`
	B       Header        `json:"b"`
}

// NewEvidence returns the API's form of an equivocation proof.
func NewEvidence(a, b block.SignedHeader) Evidence {
	slot := a.Header.Slot()
	return Evidence{Creator: slot.Creator, Group: slot.Group, Height: slot.Height, A: newHeader(a), B: newHeader(b)}
}

// Verify returns nil if the evidence proves that its creator signed two headers for one slot. The
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
		return fmt.Errorf("%w: the two headers are the same", block.ErrInvalid)
	case a.Header.Slot() != slot || b.Header.Slot() != slot || a.Header.Network != b.Header.Network:
		return fmt.Errorf("%w: a header is of another slot", block.ErrInvalid)
	case !a.Verify() || !b.Verify():
		return fmt.Errorf("%w: a signature is not the creator's", block.ErrInvalid)
	}
	return nil
}

// File returns the proof as a file that others can check without a node. The error wraps
// block.ErrInvalid if the headers do not have the IDs that the API states.
func (e Evidence) File() (evidence.File, error) {
	a, err := e.A.Canonical()
	if err != nil {
		return evidence.File{}, err
	}
	b, err := e.B.Canonical()
	return evidence.OfHeaders(a, b), err
}

// notNil returns an empty payload for nil, so that JSON has one form of it.
func notNil(payload []byte) []byte {
	if payload == nil {
		return []byte{}
	}
	return payload
}
