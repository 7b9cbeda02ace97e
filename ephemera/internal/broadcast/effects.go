// Package broadcast is certified reliable broadcast in one group as a pure automaton: rules R1 to
// R5, R7 and R8 of docs/PROTOCOL.md, the per-chain part of R6 (pulling certified blocks), and the
// closing of a group (R9).
//
// An Instance is told what happened and answers with Effects, in the order in which they must be
// carried out: persist before sign before send before deliver. It has no goroutine, clock,
// randomness, disk or log; what it is told was verified by package wire. Members are named by their
// place in the group. Package engine puts it together with the mempool; package ephemera runs it.
package broadcast

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Effect is something that the runner must do: one of the types below, or of those that package
// engine adds.
type Effect interface{ Effect() }

// Persist makes a write durable. No later effect may happen before it, unless it is relaxed: then
// it may wait for the next commit, but not behind a Deliver.
type Persist struct {
	Write   store.Write
	Relaxed bool
}

// SignProposal asks for this member's signature on its own header and for its own echo of it (R1,
// R4: vote first). The answer is Instance.ProposalSigned.
type SignProposal struct{ Header block.Header }

// SignEcho asks for this member's echo (R3). The answer is Instance.EchoSigned.
type SignEcho struct {
	Slot  block.Slot
	Block block.ID
}

// Send sends a frame to one member.
type Send struct {
	To    int
	Frame wire.Frame
}

// CheckBlock asks the application (R2). The answer is Instance.Verdict.
type CheckBlock struct {
	Block block.Block
	Own   bool // a candidate that is not signed yet
}

// Deliver hands the certified block of a slot to the application (R5). Held is nil when it must be
// read from the store. The answer is Instance.Delivered.
type Deliver struct {
	Slot block.Slot
	Held *store.Certified
}

// FindHeader asks the runner to compare a signed header of a slot long certified with the stored
// one. If they differ the runner answers with Instance.Conflict (R3).
type FindHeader struct{ Header block.SignedHeader }

// Certified tells the mempool that a block was certified and persisted.
type Certified struct {
	Block block.Block
	Own   bool
}

// Returned gives the messages of an own open slot back to the mempool: its group was closed (R9).
type Returned struct{ Messages []block.Message }

// Refused reports for the log that a block will not be echoed, or an own candidate not be proposed.
type Refused struct {
	Slot   block.Slot
	Block  block.ID
	Own    bool
	Reason string
}

// Equivocation reports evidence that was not known before.
type Equivocation struct{ Evidence store.Evidence }

// Halt stops the node: something signed with its key exists that its votes do not know (R8).
type Halt struct{ Reason string }

func (Persist) Effect()      {}
func (SignProposal) Effect() {}
func (SignEcho) Effect()     {}
func (Send) Effect()         {}
func (CheckBlock) Effect()   {}
func (Deliver) Effect()      {}
func (FindHeader) Effect()   {}
func (Certified) Effect()    {}
func (Returned) Effect()     {}
func (Refused) Effect()      {}
func (Equivocation) Effect() {}
func (Halt) Effect()         {}

// Timing holds the waits of R6 and R7 in milliseconds. Zero fields take the defaults.
type Timing struct {
	Fetch      int64 // before bodies are fetched that gossip may still bring: 20
	Retry      int64 // first wait before something unfinished is resent: 400
	Cap        int64 // longest wait between two attempts: 5000
	Reconsider int64 // before the application is asked again after *later*: 1000
}

func (t Timing) withDefaults() Timing {
	for _, field := range []struct {
		value    *int64
		standard int64
	}{{&t.Fetch, 20}, {&t.Retry, 400}, {&t.Cap, 5000}, {&t.Reconsider, 1000}} {
		if *field.value <= 0 {
			*field.value = field.standard
		}
	}
	return t
}

// Config describes one instance.
type Config struct {
	Group *membership.Group
	Self  int // this member's place in the group
	// Muted: an earlier vote store was lost, so this member signs no header and no echo in this group
	// (R8).
	Muted bool
	// Closed: this member signs nothing new in the group (R9). It still sends stored echoes and
	// certificates, fetches and delivers.
	Closed bool
	Timing Timing
	// Bodies looks a verified message up, usually in the mempool.
	Bodies func(block.MessageID) (block.Message, bool)
}
