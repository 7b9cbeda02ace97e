package api

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Submission is a message to be broadcast. With a signature it is a client's message and needs all
// fields except ID and Group. Without one, the node makes a message of Label, Payload and, if set,
// Time, and signs it with its own key.
type Submission struct {
	Label     string          `json:"label" doc:"What the client calls this kind of data, at most 64 bytes."`
	Payload   []byte          `json:"payload" nullable:"false" doc:"The client's bytes, base64."`
	Network   string          `json:"network,omitempty" doc:"Of a signed message: the network it was signed for."`
	Sender    *keys.Public    `json:"sender,omitempty" nullable:"false" doc:"Of a signed message: the key that signed."`
	Time      int64           `json:"time,omitempty" doc:"Milliseconds since 1970, as signed. If the node signs, the default is now; repeating a submission with the same time gives the same ID."`
	Signature *keys.Signature `json:"signature,omitempty" nullable:"false" doc:"Of a signed message: the sender's signature. Without it the node signs."`
	// ID allows a message to be submitted in the form in which a node returns it.
	ID    *block.MessageID `json:"id,omitempty" nullable:"false" doc:"Of a signed message: its ID, as nodes return it. Optional; checked if present."`
	Group uint64           `json:"group,omitempty" doc:"Number of an open group: the message goes only into this node's blocks of that group. By default it may go into those of any group."`
}

// Signed returns the submission of a signed message.
func Signed(m block.Message) Submission {
	sender, signature := m.Sender(), m.Signature()
	return Submission{
		Label: m.Label(), Payload: notNil(m.Payload()), Network: m.Network(), Sender: &sender, Time: m.Time(), Signature: &signature,
	}
}

// NodeSigns reports whether the node is asked to sign.
func (s Submission) NodeSigns() bool { return s.Signature == nil }

// Check returns a problem of kind Invalid if fields are missing or do not belong together, or if
// the label is not UTF-8. Message and the node check other values.
func (s Submission) Check() error {
	switch {
	case s.NodeSigns() && (s.Sender != nil || s.Network != "" || s.ID != nil):
		return NewProblem(Invalid, "network, sender and ID belong to a signed message: add its signature, or leave them out to have the node sign")
	case !s.NodeSigns() && (s.Sender == nil || s.Network == "" || s.Time == 0):
		return NewProblem(Invalid, "a signed message needs a network, a sender and a time as well as its signature")
	case !utf8.ValidString(s.Label): // JSON would carry another label
		return NewProblem(Invalid, fmt.Sprintf("label is %.70q, expected UTF-8", s.Label))
	}
	return nil
}

// Message returns the message of a signed submission. It does not verify the signature. Errors:
// Invalid.
func (s Submission) Message() (block.Message, error) {
	if s.NodeSigns() {
		return block.Message{}, NewProblem(Invalid, "the submission has no signature")
	}
	if err := s.Check(); err != nil {
		return block.Message{}, err
	}
	m, err := block.NewMessage(knownSignature{*s.Sender, *s.Signature}, s.Network, s.Label, s.Payload, s.Time)
	if err != nil {
		return block.Message{}, WrapProblem(Invalid, err)
	}
	if s.ID != nil && *s.ID != m.ID() {
		return block.Message{}, NewProblem(Invalid, "the message's ID is "+m.ID().String()+", not "+s.ID.String()+": a field differs from what was signed")
	}
	return m, nil
}

// Submitted says that a message is in the mempool.
type Submitted struct {
	ID block.MessageID `json:"id" doc:"The message's ID."`
	// Message is set if the node signed it.
	Message *Message `json:"message,omitempty" nullable:"false" doc:"The message that the node signed."`
}

// Inclusion says whether a block holds a message. Hashes prove that it does. MessageIDs, all IDs of
// the block, prove that it does not.
type Inclusion struct {
	Included   bool              `json:"included"`
	Header     Header            `json:"header" doc:"The block's header, with the root that the proof is checked against."`
	Message    block.MessageID   `json:"message"`
	Index      int               `json:"index,omitempty" doc:"Position of the message in the block, from 0."`
	Hashes     []Hash            `json:"hashes,omitempty" doc:"RFC 6962 inclusion proof, from leaf to root."`
	MessageIDs []block.MessageID `json:"message_ids,omitempty" doc:"All message IDs of the block, if the message is not included."`
}

// Prove returns whether a block holds a message, with proof. The block must not be pruned.
func Prove(b block.Block, message block.MessageID) (Inclusion, error) {
	ids := b.MessageIDs()
	out := Inclusion{Header: newHeader(b.SignedHeader), Message: message}
	for i, id := range ids {
		if id != message {
			continue
		}
		hashes, err := block.Prove(ids, i)
		if err != nil {
			return Inclusion{}, WrapProblem(Internal, err)
		}
		out.Included, out.Index = true, i
		for _, hash := range hashes {
			out.Hashes = append(out.Hashes, Hash(hash))
		}
		return out, nil
	}
	out.MessageIDs = ids
	return out, nil
}

// Verify returns nil if the proof answers the question correctly. The error wraps block.ErrInvalid.
// It does not show that the block is certified: see Certificate.Verify.
func (i Inclusion) Verify(question InclusionQuery) error {
	header, err := i.Header.Canonical()
	switch {
	case err != nil:
		return err
	case i.Header.ID != question.Block || i.Message != question.Message:
		return fmt.Errorf("%w: the proof is of message %s in block %s", block.ErrInvalid, i.Message, i.Header.ID)
	case i.Included:
		hashes := make([][]byte, len(i.Hashes))
		for at := range i.Hashes {
			hashes[at] = i.Hashes[at][:]
		}
		if err := block.VerifyInclusion(header.Header.Root, int(header.Header.Count), i.Index, i.Message, hashes); err != nil {
			return fmt.Errorf("%w: inclusion proof: %w", block.ErrInvalid, err)
		}
		return nil
	}
	root := block.Root(i.MessageIDs)
	if len(i.MessageIDs) != int(header.Header.Count) || !bytes.Equal(root[:], header.Header.Root[:]) {
		return fmt.Errorf("%w: the message IDs are not those of block %s", block.ErrInvalid, i.Header.ID)
	}
	for _, id := range i.MessageIDs {
		if id == i.Message {
			return fmt.Errorf("%w: the block holds the message, but the proof denies it", block.ErrInvalid)
		}
	}
	return nil
}

// Limits are the limits of a group's blocks.
type Limits struct {
	PayloadBytes  uint32 `json:"payload_bytes" doc:"Payload of one message."`
	BlockMessages uint32 `json:"block_messages" doc:"Messages of one block."`
	BlockBytes    uint32 `json:"block_bytes" doc:"Encoded messages of one block together."`
}

// NewLimits returns the API's form of limits.
func NewLimits(l membership.Limits) Limits {
	return Limits{PayloadBytes: l.PayloadBytes, BlockMessages: l.BlockMessages, BlockBytes: l.BlockBytes}
}
