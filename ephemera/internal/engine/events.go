package engine

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Input is an event and its time on both of the node's clocks, in milliseconds. Now never runs
// backwards: waits are measured with it. Wall is the time since 1970 by the wall clock, which may
// be set at any time: signed times are compared with it, and own blocks are dated by it.
type Input struct {
	Now, Wall int64
	Event     Event
}

// Event is one of the types below.
type Event interface{ event() }

// Start begins the work. It is the first event.
type Start struct{}

// Tick says that the time of Deadline has come.
type Tick struct{}

// Adopt announces a group that a membership provider returned (R9). A group with a known number
// changes nothing; if it has other members it is refused.
type Adopt struct {
	Group *membership.Group
	Muted bool // an earlier vote store was lost: this member signs nothing in it (R8)
}

// Close says that the application does not need a group any more (R9).
type Close struct{ Group membership.ID }

// Received is a frame of a member.
type Received struct {
	From  keys.Public
	Frame wire.Verified
	// Refused names messages in the frame that the application's CheckMessage refused. They may
	// complete a block, but not enter the mempool.
	Refused map[block.MessageID]bool
}

// Covered is what is left of a certificate of a block that is certified here: who sent it, and its
// slot. No signature was checked, and nothing follows but another frontier to its sender.
type Covered struct {
	From keys.Public
	Slot block.Slot
}

// Submitted is a client's message that CheckMessage accepted. The answer is an Answered with the
// same ticket.
type Submitted struct {
	Ticket  uint64
	Message block.Message
	// Group is the only group whose blocks may hold the message, while that group is open here. Zero:
	// any group.
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

// Conflict answers broadcast.FindHeader if the stored header is a different one.
type Conflict struct{ A, B block.SignedHeader }

// Damaged says that the store holds a certified block in a damaged form. Certificate is its stored
// certificate, or nil if that is damaged too.
type Damaged struct {
	Slot        block.Slot
	Block       block.ID
	Certificate *certificate.Certificate
}

// Loaded answers LoadGroup. If OK is false, the store could not be read.
type Loaded struct {
	Group membership.ID
	State store.State
	OK    bool
}

// Wake says that the application's state changed.
type Wake struct{}

// Recalled answers Recall.
type Recalled struct {
	Since    int64
	Included []store.Included
}

// Connected says that a member is reachable again.
type Connected struct{ Peer keys.Public }

func (Start) event()          {}
func (Tick) event()           {}
func (Adopt) event()          {}
func (Close) event()          {}
func (Received) event()       {}
func (Covered) event()        {}
func (Submitted) event()      {}
func (Chosen) event()         {}
func (Verdict) event()        {}
func (ProposalSigned) event() {}
func (EchoSigned) event()     {}
func (Delivered) event()      {}
func (Conflict) event()       {}
func (Damaged) event()        {}
func (Loaded) event()         {}
func (Wake) event()           {}
func (Recalled) event()       {}
func (Connected) event()      {}
