package engine

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

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
