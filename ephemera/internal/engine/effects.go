package engine

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Effect is something that the runner must do: one of the types below, or one of broadcast's
// effects other than its Send, Certified and Returned.
type Effect = broadcast.Effect

// Send sends a frame to one member.
type Send struct {
	To    keys.Public
	Frame wire.Frame
	// Answer says that the member asked for the frame, and asks again until it gets it (R7). The frame
	// may be left out while the member's queue is full.
	Answer bool
	// Again says that the Send before this one has the same frame, so that it is encoded once.
	Again bool
}

// Gossip publishes a message to all members.
type Gossip struct{ Message block.Message }

// Answered ends a Submitted. Err is nil, ErrClosed or one of mempool's errors.
type Answered struct {
	Ticket uint64
	Err    error
}

// NextBlock asks the application to choose the messages of the next own block in a group (R1).
// Directed marks the candidates that were submitted for this group alone. The answer is Chosen;
// until it arrives there is no other NextBlock.
type NextBlock struct {
	Group      membership.ID
	Candidates []block.Message
	Directed   map[block.MessageID]bool
}

// CheckMessage asks the application about a message that another member sent, before the mempool
// takes it. The answer is MessageChecked. Until it arrives the message is not asked about again,
// and counts towards its sender's share of the mempool.
type CheckMessage struct{ Message block.Message }

// ServeBlock sends a stored block to a member, without its certificate.
type ServeBlock struct {
	To    keys.Public
	Slot  block.Slot
	Block block.ID
}

// ServeCertified sends stored certified blocks to a member, within wire's bounds.
type ServeCertified struct {
	To   keys.Public
	From block.Slot
}

// LoadGroup reads the state of an old group from the store, because a member asks for what the
// engine does not keep in memory (R9). The answer is Loaded; until it arrives there is no other
// LoadGroup.
type LoadGroup struct{ Group membership.ID }

// MarkGroup records durably, outside the store, that this member is about to sign in the group with
// this number (R8). No later effect may happen before it.
type MarkGroup struct{ Number uint64 }

// GroupFound reports a skipped group that members described (R9).
type GroupFound struct{ Group *membership.Group }

// Recall asks for the messages of certified blocks that are signed since a time, in milliseconds
// since 1970: the wall clock was set back to a time whose messages the engine has forgotten. The
// answer is Recalled; until it arrives, messages of that time are not accepted.
type Recall struct{ Since int64 }

// GroupRefused reports a group whose number belongs to another group.
type GroupRefused struct{ Group *membership.Group }

// Effect marks the type as an effect.
func (Send) Effect()           {}
func (Gossip) Effect()         {}
func (Answered) Effect()       {}
func (NextBlock) Effect()      {}
func (CheckMessage) Effect()   {}
func (ServeBlock) Effect()     {}
func (ServeCertified) Effect() {}
func (LoadGroup) Effect()      {}
func (MarkGroup) Effect()      {}
func (GroupFound) Effect()     {}
func (Recall) Effect()         {}
func (GroupRefused) Effect()   {}
