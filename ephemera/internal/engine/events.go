package engine

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Input is something that happened, at a time in milliseconds since 1970 that never runs backwards.
type Input struct {
	Now   int64
	Event Event
}

// Event is one of the types below.
type Event interface{ event() }

// Start begins the work; it is the first event.
type Start struct{}

// Tick tells that Deadline has come.
type Tick struct{}

// Adopt tells of a group that a membership provider knows (R9). A known number is no news, and with
// other members it is refused.
type Adopt struct {
	Group *membership.Group
	Muted bool // an earlier vote store was lost, and this number may not be signed in (R8)
}

// Close tells that the application needs a group no longer (R9).
type Close struct{ Group membership.ID }

// Received is a frame of a member.
type Received struct {
	From  keys.Public
	Frame wire.Verified
	// Refused names messages in the frame that the application's CheckMessage refused: they may fill a
	// block, not enter the mempool.
	Refused map[block.MessageID]bool
}

// Submitted is a client's message that CheckMessage accepted. It is answered by Answered with the
// same ticket.
type Submitted struct {
	Ticket  uint64
	Message block.Message
	// Group is the only group in whose blocks the message belongs, while that is open here; zero: any.
	Group membership.ID
}

// Chosen answers NextBlock.
type Chosen struct{ IDs []block.MessageID }

// Verdict answers broadcast.CheckBlock.
type Verdict struct {
	Slot   block.Slot
	Block  block.ID
	Answer broadcast.Answer
	Reason string
	Drop   []block.MessageID // heeded for own candidates only (R2)
}

// ProposalSigned answers broadcast.SignProposal.
type ProposalSigned struct {
	Header block.SignedHeader
	Echo   certificate.Echo
}

// EchoSigned answers broadcast.SignEcho.
type EchoSigned struct{ Echo certificate.Echo }

// Delivered answers broadcast.Deliver.
type Delivered struct {
	Slot block.Slot
	OK   bool
}

// Conflict answers broadcast.FindHeader when the stored header is another one.
type Conflict struct{ A, B block.SignedHeader }

// Wake tells that the application's state changed.
type Wake struct{}

// Connected tells that a member is reachable again.
type Connected struct{ Peer keys.Public }

func (Start) event()          {}
func (Tick) event()           {}
func (Adopt) event()          {}
func (Close) event()          {}
func (Received) event()       {}
func (Submitted) event()      {}
func (Chosen) event()         {}
func (Verdict) event()        {}
func (ProposalSigned) event() {}
func (EchoSigned) event()     {}
func (Delivered) event()      {}
func (Conflict) event()       {}
func (Wake) event()           {}
func (Connected) event()      {}
