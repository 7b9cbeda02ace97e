// Package wire is the language that members speak on direct links and by gossip: frames, their
// canonical encoding, and the border check that turns bytes of strangers into values that cannot be
// wrong.
//
// A frame is one kind byte and one canonical CBOR array. Open decodes within the group's limits and
// verifies every signature; the core (packages broadcast and engine) never sees a frame that did
// not pass. Bytes are carried by package transport.
//
// The package is unstable: it is public only because the modules of this repository share it.
package wire

import (
	"iter"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Frame is one thing that a member says to another. The types below are all there are.
type Frame interface{ kind() Kind }

// Kind tells frames apart on the wire. Numbers are never used again.
type Kind byte

const (
	KindProposal     Kind = 1
	KindEcho         Kind = 2
	KindRejection    Kind = 3
	KindCertificate  Kind = 4
	KindGetMessages  Kind = 5
	KindMessages     Kind = 6
	KindGetBlock     Kind = 7
	KindGetCertified Kind = 8
	KindBlocks       Kind = 9
	KindFrontier     Kind = 10
	KindGetEvidence  Kind = 11
	KindEvidence     Kind = 12
	KindClosed       Kind = 13
	KindAnnounce     Kind = 14
)

var kindNames = map[Kind]string{
	KindProposal: "proposal", KindEcho: "echo", KindRejection: "rejection", KindCertificate: "certificate",
	KindGetMessages: "get_messages", KindMessages: "messages", KindGetBlock: "get_block", KindGetCertified: "get_certified",
	KindBlocks: "blocks", KindFrontier: "frontier", KindGetEvidence: "get_evidence", KindEvidence: "evidence", KindClosed: "closed",
	KindAnnounce: "announce",
}

// String names the kind for logs and telemetry.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return "unknown"
}

// Bodies returns the messages that a frame carries: those of a Messages frame, or those of all
// blocks of a Blocks frame.
func Bodies(frame Frame) iter.Seq[block.Message] {
	return func(yield func(block.Message) bool) {
		switch f := frame.(type) {
		case Messages:
			yieldAll(f.Messages, yield)
		case Blocks:
			for _, held := range f.Blocks {
				if !yieldAll(held.Block.Messages, yield) {
					return
				}
			}
		}
	}
}

func yieldAll(messages []block.Message, yield func(block.Message) bool) bool {
	for _, m := range messages {
		if !yield(m) {
			return false
		}
	}
	return true
}

// KindOf returns the kind of a frame.
func KindOf(frame Frame) Kind { return frame.kind() }

// Proposal offers a block without bodies (R1).
type Proposal struct{ block.Proposal }

// Echo answers a proposal (R3).
type Echo struct{ certificate.Echo }

// Rejection tells the creator that this member will never echo the block, so that the creator stops
// resending it (R7).
type Rejection struct {
	_     struct{} `cbor:",toarray"`
	Slot  block.Slot
	Block block.ID
}

// Certificate spreads a certificate (R4).
type Certificate struct{ certificate.Certificate }

// GetMessages asks for message bodies (R2, R6).
type GetMessages struct {
	_   struct{} `cbor:",toarray"`
	IDs []block.MessageID
}

// Messages carries bodies: gossip, or the answer to GetMessages.
type Messages struct{ Messages []block.Message }

// GetBlock asks a signer for a block of which the asker has only the certificate (R5).
type GetBlock struct {
	_     struct{} `cbor:",toarray"`
	Slot  block.Slot
	Block block.ID
}

// GetCertified asks for the certified blocks of a chain from a height upwards (R6).
type GetCertified struct {
	_    struct{} `cbor:",toarray"`
	From block.Slot
}

// Blocks answers GetBlock, without certificate where the sender has all of the block, and
// GetCertified, with one each, ascending without gap.
type Blocks struct{ Blocks []Held }

// Held is a block with its certificate, where the sender has one. A block whose messages the sender
// has removed (block.Block.Pruned) always comes with it.
type Held struct {
	Block       block.Block
	Certificate *certificate.Certificate
}

// Frontier tells where the sender stands (R6). Members are named by their place in the group.
type Frontier struct {
	_     struct{} `cbor:",toarray"`
	Group membership.ID
	// Certified is the highest contiguous certified height per chain, for each member in byte order.
	Certified []uint64
	// Open holds the creator-signed headers that the sender knows of open slots, echoed or not, at
	// most one a chain.
	Open []block.SignedHeader
	// Evidence lists the creators of whose equivocation the sender holds proof, ascending.
	Evidence []uint32
	// Mempool lists live messages.
	Mempool []Listing
}

// Listing names a live mempool message and its sender, whose quota decides whether to pull it.
type Listing struct {
	_      struct{} `cbor:",toarray"`
	ID     block.MessageID
	Sender keys.Public
}

// GetEvidence asks for proofs of equivocation by these members, ascending.
type GetEvidence struct {
	_        struct{} `cbor:",toarray"`
	Group    membership.ID
	Creators []uint32
}

// Evidence is two different headers of one slot, both signed by its creator (R3).
type Evidence struct {
	_    struct{} `cbor:",toarray"`
	A, B block.SignedHeader
}

// Closed tells the creator that this member signs nothing new in the slot's group, so that the
// creator stops resending (R9).
type Closed struct {
	_    struct{} `cbor:",toarray"`
	Slot block.Slot
}

// Announce tells the number of the newest group that the sender knows, so that a receiver that does
// not know it asks its membership provider. Nobody signs it and nothing else follows from it; it
// does not reach the core.
type Announce struct {
	_      struct{} `cbor:",toarray"`
	Number uint64
}

func (Proposal) kind() Kind     { return KindProposal }
func (Echo) kind() Kind         { return KindEcho }
func (Rejection) kind() Kind    { return KindRejection }
func (Certificate) kind() Kind  { return KindCertificate }
func (GetMessages) kind() Kind  { return KindGetMessages }
func (Messages) kind() Kind     { return KindMessages }
func (GetBlock) kind() Kind     { return KindGetBlock }
func (GetCertified) kind() Kind { return KindGetCertified }
func (Blocks) kind() Kind       { return KindBlocks }
func (Frontier) kind() Kind     { return KindFrontier }
func (GetEvidence) kind() Kind  { return KindGetEvidence }
func (Evidence) kind() Kind     { return KindEvidence }
func (Closed) kind() Kind       { return KindClosed }
func (Announce) kind() Kind     { return KindAnnounce }

// GroupOf returns the group that a frame is about; zero for frames that are about messages, several
// blocks or the newest group.
func GroupOf(frame Frame) membership.ID {
	switch f := frame.(type) {
	case Proposal:
		return f.Header.Group
	case Echo:
		return f.Slot.Group
	case Rejection:
		return f.Slot.Group
	case Closed:
		return f.Slot.Group
	case Certificate:
		return f.Slot.Group
	case GetBlock:
		return f.Slot.Group
	case GetCertified:
		return f.From.Group
	case Frontier:
		return f.Group
	case GetEvidence:
		return f.Group
	case Evidence:
		return f.A.Header.Group
	}
	return membership.ID{}
}
