// Package wire is the language that members speak on direct links and by gossip: frames, their
// canonical encoding, and the checks that a frame passes before it reaches the core.
//
// A frame is one kind byte and one canonical CBOR array. A frame that arrives passes three stages,
// each a type of its own. Groups.Decode checks form and limits and returns a Decoded. Decoded.Admit
// marks what the node wants to spend a verification on: an Admitted. Verifier.Verify checks every
// signature and returns a Verified, and the core (packages broadcast and engine) takes nothing
// else. So no value that could be wrong reaches it.
//
// Bytes are carried by package transport. The table of frames is docs/PROTOCOL.md, section 8.
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

// Frame is one thing that a member tells another. The types below are all there are.
type Frame interface{ kind() Kind }

// Kind identifies a type of frame on the wire. Numbers are never reused.
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
	KindGetEvidence  Kind = 11
	KindEvidence     Kind = 12
	KindClosed       Kind = 13
	KindAnnounce     Kind = 14
	KindNewest       Kind = 15
	KindGetGroup     Kind = 16
	KindDescription  Kind = 17
	KindFrontier     Kind = 18
	KindPool         Kind = 19
	KindGetListing   Kind = 20
	KindListing      Kind = 21
	KindGetFrontier  Kind = 22
	KindFresh        Kind = 23
)

var kindNames = map[Kind]string{
	KindProposal: "proposal", KindEcho: "echo", KindRejection: "rejection", KindCertificate: "certificate",
	KindGetMessages: "get_messages", KindMessages: "messages", KindGetBlock: "get_block", KindGetCertified: "get_certified",
	KindBlocks: "blocks", KindFrontier: "frontier", KindGetEvidence: "get_evidence", KindEvidence: "evidence", KindClosed: "closed",
	KindAnnounce: "announce", KindNewest: "newest", KindGetGroup: "get_group", KindDescription: "description",
	KindPool: "pool", KindGetListing: "get_listing", KindListing: "listing",
	KindGetFrontier: "get_frontier", KindFresh: "fresh",
}

// String returns the kind's name in logs and telemetry.
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
			yieldEach(f.Messages, yield)
		case Blocks:
			for _, held := range f.Blocks {
				if !yieldEach(held.Block.Messages, yield) {
					return
				}
			}
		}
	}
}

// Headers returns the signed headers that a frame carries, also those of its blocks.
func Headers(frame Frame) iter.Seq[block.SignedHeader] {
	return func(yield func(block.SignedHeader) bool) {
		switch f := frame.(type) {
		case Proposal:
			yield(f.SignedHeader)
		case Evidence:
			_ = yield(f.A) && yield(f.B)
		case Frontier:
			yieldEach(f.Open, yield)
		case Fresh:
			yieldEach(f.Frontier.Open, yield)
		case Blocks:
			for _, held := range f.Blocks {
				if !yield(held.Block.SignedHeader) {
					return
				}
			}
		}
	}
}

func yieldEach[T any](parts []T, yield func(T) bool) bool {
	for _, part := range parts {
		if !yield(part) {
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

// Rejection tells the creator that this member will never echo the block: the creator stops
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
	_   struct{}          `cbor:",toarray"`
	IDs []block.MessageID `most:"1024"` // MaxListings
}

// Messages carries bodies: gossip, or the answer to GetMessages.
type Messages struct{ Messages []block.Message }

// GetBlock asks a signer for a block of which this member has only the certificate (R5).
type GetBlock struct {
	_     struct{} `cbor:",toarray"`
	Slot  block.Slot
	Block block.ID
}

// GetCertified asks for the certified blocks of a chain, from a height upwards (R6).
type GetCertified struct {
	_    struct{} `cbor:",toarray"`
	From block.Slot
}

// Blocks answers GetBlock and GetCertified. The answer to GetBlock has no certificate if the sender
// holds the whole block. The answer to GetCertified has one for each block; heights ascend without
// gaps.
type Blocks struct{ Blocks []Held }

// Held is a block, with its certificate if the sender has one. A block whose messages the sender
// has removed (block.Block.Pruned) always has one.
type Held struct {
	Block       block.Block
	Certificate *certificate.Certificate
}

// Frontier says how far the sender is (R6). Members are named by their place in the group.
type Frontier struct {
	_     struct{} `cbor:",toarray"`
	Group membership.ID
	// Certified is the highest contiguous certified height of each chain, in the members' order.
	Certified []uint64
	// Open holds the creator-signed headers that the sender knows of open slots, echoed or not, at
	// most one per chain.
	Open []block.SignedHeader
	// Evidence lists the creators against whom the sender holds proof of equivocation, ascending.
	Evidence []uint32
	// Tips is the digest of the blocks at the heights of Certified: see block.DigestTips.
	Tips block.Digest
}

// Pool says by digests what a member's mempool holds (R6). It has those digests that changed since
// the last one, or all: senders ascending.
type Pool struct {
	_       struct{}       `cbor:",toarray"`
	Digests []SenderDigest `most:"1024"` // MaxListings
}

// SenderDigest is the digest of one sender's messages: see block.DigestMessages. It is zero for
// a sender without messages.
type SenderDigest struct {
	_      struct{} `cbor:",toarray"`
	Sender keys.Public
	Digest block.Digest
}

// GetListing asks for the messages that the digests of these senders cover, ascending. The answer
// is in Listings, and in a Pool for senders without messages.
type GetListing struct {
	_       struct{}      `cbor:",toarray"`
	Senders []keys.Public `most:"64"` // MaxSenders
}

// Listing names messages that a digest covers: of one sender after the other, ascending.
type Listing struct {
	_        struct{} `cbor:",toarray"`
	Messages []Listed `most:"1024"` // MaxListings
}

// Listed names a mempool message and its sender. The sender's quota decides whether to pull it.
type Listed struct {
	_      struct{} `cbor:",toarray"`
	ID     block.MessageID
	Sender keys.Public
}

// Nonce is chosen at random at each start of a member, so that an answer to an earlier start cannot
// pass for one to this start (R8).
type Nonce [16]byte

// GetFrontier asks for the frontier of a group as it is now (R8).
type GetFrontier struct {
	_     struct{} `cbor:",toarray"`
	Group membership.ID
	Nonce Nonce
}

// Fresh answers GetFrontier. Its frontier holds every header of an open slot, however young.
type Fresh struct {
	_        struct{} `cbor:",toarray"`
	Nonce    Nonce
	Frontier Frontier
}

// GetEvidence asks for proof of equivocation by these members, ascending.
type GetEvidence struct {
	_        struct{} `cbor:",toarray"`
	Group    membership.ID
	Creators []uint32
}

// Evidence is two different headers of one slot, both signed by the slot's creator (R3).
type Evidence struct {
	_    struct{} `cbor:",toarray"`
	A, B block.SignedHeader
}

// Closed tells the creator that this member signs nothing new in the slot's group: the creator
// stops resending (R9).
type Closed struct {
	_    struct{} `cbor:",toarray"`
	Slot block.Slot
}

// Announce is the number of the newest group that the sender knows. It is what members sent before
// there was Newest.
type Announce struct {
	_      struct{} `cbor:",toarray"`
	Number uint64
}

// Newest is the newest group that the sender knows. A receiver that does not know that group asks
// its membership provider, and reports a sender that holds another group under the same number.
// Nobody signs it and nothing else follows from it; it does not reach the core.
type Newest struct {
	_      struct{} `cbor:",toarray"`
	Number uint64
	Group  membership.ID
}

// GetGroup asks for the description of the group with a number that the sender skipped (R9).
type GetGroup struct {
	_      struct{} `cbor:",toarray"`
	Number uint64
}

// Description answers GetGroup. Nobody signs it.
type Description struct{ Group *membership.Group }

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
func (Newest) kind() Kind       { return KindNewest }
func (GetGroup) kind() Kind     { return KindGetGroup }
func (Description) kind() Kind  { return KindDescription }
func (Pool) kind() Kind         { return KindPool }
func (GetListing) kind() Kind   { return KindGetListing }
func (Listing) kind() Kind      { return KindListing }
func (GetFrontier) kind() Kind  { return KindGetFrontier }
func (Fresh) kind() Kind        { return KindFresh }

// GroupOf returns the group that a frame is about. It is zero for frames about messages, about
// several blocks or about groups.
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
	case GetFrontier:
		return f.Group
	case Fresh:
		return f.Frontier.Group
	case GetEvidence:
		return f.Group
	case Evidence:
		return f.A.Header.Group
	}
	return membership.ID{}
}
