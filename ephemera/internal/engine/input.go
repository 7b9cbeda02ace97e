package engine

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
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

// Received is a verified frame of a member.
type Received struct {
	From  keys.Public
	Frame wire.Frame
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
	Slot     block.Slot
	Block    block.ID
	Decision verdict.Decision // what it drops counts for own candidates only (R2)
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

// Effect is something that the runner must do: one of broadcast's effects, except its Send,
// Certified and Returned, or one of the types below.
type Effect = broadcast.Effect

// Send sends a frame to one member.
type Send struct {
	To    keys.Public
	Frame wire.Frame
}

// Gossip publishes a message.
type Gossip struct{ Message block.Message }

// Answered ends a Submitted. Err is nil, or one of mempool's errors.
type Answered struct {
	Ticket uint64
	Err    error
}

// NextBlock asks the application to choose the messages of the next own block in a group (R1). The
// answer is Chosen; until then nothing else is asked. Directed are those candidates that were
// submitted for this very group.
type NextBlock struct {
	Group      membership.ID
	Candidates []block.Message
	Directed   map[block.MessageID]bool
}

// ServeBlock sends a held block from the store to a member, without certificate.
type ServeBlock struct {
	To    keys.Public
	Slot  block.Slot
	Block block.ID
}

// ServeCertified sends certified blocks from the store to a member, within wire's bounds.
type ServeCertified struct {
	To   keys.Public
	From block.Slot
}

// MarkGroup makes durable, outside the store, that this member is about to sign in the group of
// this number (R8). No later effect may happen before it.
type MarkGroup struct{ Number uint64 }

// GroupRefused reports a group whose number belongs to another one.
type GroupRefused struct{ Group *membership.Group }

// Effect marks the type as an effect.
func (Send) Effect()           {}
func (Gossip) Effect()         {}
func (Answered) Effect()       {}
func (NextBlock) Effect()      {}
func (ServeBlock) Effect()     {}
func (ServeCertified) Effect() {}
func (MarkGroup) Effect()      {}
func (GroupRefused) Effect()   {}
