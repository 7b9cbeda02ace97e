// Package block defines what members sign and pass on: messages of clients, headers, blocks of
// messages, and proposals, which are blocks without bodies. All of it is plain data with one
// canonical encoding (package canonical); nothing here keeps state or waits.
//
// A message's ID is the hash of what its sender signed, without the signature; a block's ID is the
// hash of its header, which commits to the message IDs in order through an RFC 6962 Merkle root.
// Any valid signature of a message therefore serves. Certificates over blocks: package certificate.
// How blocks come about: package broadcast.
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

// ErrInvalid reports a message, header or block that no correct node makes.
var ErrInvalid = errors.New("invalid block data")

// Hash is a SHA-256 digest.
type Hash = [sha256.Size]byte

// MessageID is the hash of what a message's sender signed.
type MessageID [sha256.Size]byte

// String returns the ID in hexadecimal.
func (id MessageID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText encodes the ID in hexadecimal.
func (id MessageID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText decodes 64 hexadecimal digits.
func (id *MessageID) UnmarshalText(text []byte) error { return decodeHex(id[:], text) }

func decodeHex(dst, text []byte) error {
	if len(text) != 2*len(dst) {
		return fmt.Errorf("hash has %d characters, expected %d hexadecimal digits", len(text), 2*len(dst))
	}
	_, err := hex.Decode(dst, text)
	return err
}

// MaxLabel bounds a label's length in bytes.
const MaxLabel = 64

// Signer signs for one key. keys.Private is the signer that ships; simulations bring cheaper ones.
type Signer interface {
	Public() keys.Public
	Sign(signing []byte) keys.Signature
}

// Message is a client's signed data. It is immutable: made by NewMessage or DecodeMessage, copied
// freely. The zero value is no message: its methods return zero values.
type Message struct{ m *message }

type message struct {
	content   content
	signature keys.Signature
	id        MessageID
	size      int
}

var nothing message

func (m Message) get() *message {
	if m.m == nil {
		return &nothing
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

// NewMessage makes and signs a message. Time is in milliseconds since 1970. The payload is not
// copied and must not change.
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
		return fmt.Errorf("%w: label of %d bytes, expected at most %d of UTF-8", ErrInvalid, len(c.Label), MaxLabel)
	}
	if c.Time < 0 {
		return fmt.Errorf("%w: message time %d is before 1970", ErrInvalid, c.Time)
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

// messageOverhead is what the encoding of a message adds to that of its content: an array head and
// the signature.
const messageOverhead = 1 + 2 + len(keys.Signature{})

// ID returns the hash of what the sender signed.
func (m Message) ID() MessageID { return m.get().id }

// Network returns the network that the message was signed for.
func (m Message) Network() string { return m.get().content.Network }

// Label returns what the client called this kind of data.
func (m Message) Label() string { return m.get().content.Label }

// Payload returns the client's bytes. They must not be changed.
func (m Message) Payload() []byte { return m.get().content.Payload }

// Sender returns the key that signed.
func (m Message) Sender() keys.Public { return m.get().content.Sender }

// Time returns the sender's clock in milliseconds since 1970, as signed.
func (m Message) Time() int64 { return m.get().content.Time }

// Signature returns the sender's signature.
func (m Message) Signature() keys.Signature { return m.get().signature }

// Size returns the length of Encode in bytes.
func (m Message) Size() int { return m.get().size }

// SigningBytes returns what the sender signed.
func (m Message) SigningBytes() []byte { return m.get().content.signing() }

// Verify tells whether the signature is the sender's.
func (m Message) Verify() bool { return m.Sender().Verify(m.SigningBytes(), m.Signature()) }

// Encode returns the canonical bytes.
func (m Message) Encode() []byte { return m.AppendCanonical(make([]byte, 0, m.Size())) }

// MaxMessageOverhead bounds what an encoded message holds beside its payload, in bytes.
const MaxMessageOverhead = 512

// DecodeMessage reads a message whose payload has at most maxPayload bytes. It does not check the
// signature: see Verify.
func DecodeMessage(data []byte, maxPayload uint32) (Message, error) {
	var w wireMessage
	if err := canonical.Decode(data, int(maxPayload)+MaxMessageOverhead, &w); err != nil {
		return Message{}, fmt.Errorf("%w: message: %w", ErrInvalid, err)
	}
	return w.message(maxPayload)
}

func (w wireMessage) message(maxPayload uint32) (Message, error) {
	if err := w.Content.check(); err != nil {
		return Message{}, err
	}
	if len(w.Content.Payload) > int(maxPayload) {
		return Message{}, fmt.Errorf("%w: payload of %d bytes, at most %d", ErrInvalid, len(w.Content.Payload), maxPayload)
	}
	return w.Content.message(w.Content.signing(), w.Signature), nil
}
