// Package block defines the data that members sign and exchange: messages of clients, block
// headers, blocks of messages, and proposals, which are blocks with message IDs in place of
// messages. All of it is plain data with a canonical encoding (package canonical).
//
// A message's ID is the hash of the bytes that its sender signed; the signature is not part of it,
// so any valid signature of a message serves. A block's ID is the hash of its header, which commits
// to the message IDs and their order by an RFC 6962 Merkle root. Package certificate certifies
// blocks; package broadcast implements the protocol that creates them.
package block

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// ErrInvalid reports a message, header or block that no correct node creates.
var ErrInvalid = errors.New("invalid block data")

// Hash is a SHA-256 digest.
type Hash = [sha256.Size]byte

// MessageID identifies a message: the SHA-256 of the bytes that its sender signed.
type MessageID [sha256.Size]byte

// String returns the ID in hexadecimal.
func (id MessageID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText encodes the ID in hexadecimal.
func (id MessageID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText decodes 64 hexadecimal digits.
func (id *MessageID) UnmarshalText(text []byte) error { return decodeHex(id[:], text) }

func decodeHex(dst, text []byte) error {
	if len(text) != 2*len(dst) {
		return fmt.Errorf("parse ID: %d characters, expected %d hexadecimal digits", len(text), 2*len(dst))
	}
	if _, err := hex.Decode(dst, text); err != nil {
		return fmt.Errorf("parse ID: %w", err)
	}
	return nil
}

// MaxLabel is the largest length of a label, in bytes.
const MaxLabel = 64

// Signer signs with one key. Nodes use keys.Private; simulations use cheaper signers.
type Signer interface {
	Public() keys.Public
	Sign(signing []byte) keys.Signature
}

// Message is a client's signed data. It is immutable and cheap to copy. NewMessage and
// DecodeMessage return messages; the methods of the zero value return zero values.
type Message struct{ m *message }

type message struct {
	content   content
	signature keys.Signature
	id        MessageID
	size      int
}

var zeroMessage message

func (m Message) get() *message {
	if m.m == nil {
		return &zeroMessage
	}
	return m.m
}

type content struct {
	_       struct{} `cbor:",toarray"`
	Network string
	Label   string
	Payload []byte
	Sender  keys.Public
	Time    int64
}

type wireMessage struct {
	_         struct{} `cbor:",toarray"`
	Content   content
	Signature keys.Signature
}

const messageDomain = "ephemera/message/v1"

// NewMessage returns a message signed by signer. The label is UTF-8 of at most MaxLabel bytes, time
// is in milliseconds since 1970, 0..canonical.MaxNumber, and neither is checked against a clock or
// a group's limits. The payload is not copied and must not be changed afterwards. Errors wrap
// ErrInvalid.
func NewMessage(signer Signer, network, label string, payload []byte, time int64) (Message, error) {
	c := content{Network: network, Label: label, Payload: payload, Sender: signer.Public(), Time: time}
	if err := c.check(); err != nil {
		return Message{}, err
	}
	signing := c.signing()
	return c.message(signing, signer.Sign(signing)), nil
}

func (c content) check() error {
	if err := membership.CheckNetwork(c.Network); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(c.Label) > MaxLabel || !utf8.ValidString(c.Label) {
		return fmt.Errorf("%w: label of %d bytes, expected at most %d bytes of UTF-8", ErrInvalid, len(c.Label), MaxLabel)
	}
	if err := canonical.CheckNumber(c.Time); err != nil {
		return fmt.Errorf("%w: message time: %w", ErrInvalid, err)
	}
	if err := c.Sender.CheckOrder(); err != nil {
		return fmt.Errorf("%w: sender: %w", ErrInvalid, err)
	}
	return nil
}

func (c content) signing() []byte {
	size := len(messageDomain) + 2 + len(c.Network) + len(c.Label) + len(c.Payload) + MaxMessageOverhead/2
	return c.append(keys.AppendDomain(make([]byte, 0, size), messageDomain, c.Network))
}

func (c content) message(signing []byte, signature keys.Signature) Message {
	overhead := len(messageDomain) + 2 + len(c.Network)
	return Message{&message{content: c, signature: signature, id: sha256.Sum256(signing), size: len(signing) - overhead + messageOverhead}}
}

// messageOverhead is the number of bytes that the encoding of a message adds to that of its
// content: an array head and the signature.
const messageOverhead = 1 + 2 + len(keys.Signature{})

// ID returns the hash of the bytes that the sender signed.
func (m Message) ID() MessageID { return m.get().id }

// Network returns the network that the message was signed for.
func (m Message) Network() string { return m.get().content.Network }

// Label returns the client's name for this kind of data.
func (m Message) Label() string { return m.get().content.Label }

// Payload returns the client's data. The caller must not change it.
func (m Message) Payload() []byte { return m.get().content.Payload }

// Sender returns the key that signed the message.
func (m Message) Sender() keys.Public { return m.get().content.Sender }

// Time returns the time that the sender signed, in milliseconds since 1970.
func (m Message) Time() int64 { return m.get().content.Time }

// Signature returns the sender's signature.
func (m Message) Signature() keys.Signature { return m.get().signature }

// Size returns the length of the encoded message in bytes.
func (m Message) Size() int { return m.get().size }

// SigningBytes returns the bytes that the sender signed.
func (m Message) SigningBytes() []byte { return m.get().content.signing() }

// Verify reports whether the signature is valid.
func (m Message) Verify() bool { return m.Sender().Verify(m.SigningBytes(), m.Signature()) }

// Encode returns the canonical bytes.
func (m Message) Encode() []byte { return m.AppendCanonical(make([]byte, 0, m.Size())) }

// MaxMessageOverhead bounds the bytes that an encoded message adds to its payload.
const MaxMessageOverhead = 512

// DecodeMessage decodes a message whose payload has at most maxPayload bytes. It does not verify
// the signature; call Verify. Errors wrap ErrInvalid.
func DecodeMessage(data []byte, maxPayload uint32) (Message, error) {
	var w wireMessage
	if err := canonical.Decode(data, int(maxPayload)+MaxMessageOverhead, &w); err != nil {
		return Message{}, fmt.Errorf("%w: message: %w", ErrInvalid, err)
	}
	return w.message(maxPayload)
}

// DecodeStoredMessage decodes a message that this program decoded before and stored. It accepts
// times and senders that older versions accepted. Errors wrap ErrInvalid.
func DecodeStoredMessage(data []byte) (Message, error) {
	var w wireMessage
	if err := canonical.DecodeStored(data, &w); err != nil {
		return Message{}, fmt.Errorf("%w: message: %w", ErrInvalid, err)
	}
	return w.Content.message(w.Content.signing(), w.Signature), nil
}

func (w wireMessage) message(maxPayload uint32) (Message, error) {
	if err := w.Content.check(); err != nil {
		return Message{}, err
	}
	if len(w.Content.Payload) > int(maxPayload) {
		return Message{}, fmt.Errorf("%w: %w: payload of %d bytes, at most %d", ErrInvalid, canonical.ErrTooLarge, len(w.Content.Payload), maxPayload)
	}
	return w.Content.message(w.Content.signing(), w.Signature), nil
}
