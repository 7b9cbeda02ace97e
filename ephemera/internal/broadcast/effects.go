package broadcast

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Effect is something that the runner must do: one of the types below, or of those that package
// engine adds.
type Effect interface{ Effect() }

// Persist makes a write durable. No later effect may happen before it. A relaxed one may wait for
// the next commit, but not beyond a Deliver.
type Persist struct {
	Write   store.Write
	Relaxed bool
}

// SignProposal asks for this member's signature on its own header, and for its own echo of it (R1;
// R4: the vote comes first). The answer is Instance.ProposalSigned.
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
	Again bool // it is the frame of the Send before
}

// CheckBlock asks the application for its verdict (R2). The answer is Instance.Verdict. It may be
// carried out before writes that precede it, but not before a Deliver of the same chain.
type CheckBlock struct {
	Block block.Block
	Own   bool // a candidate that is not signed yet
}

// Deliver hands the certified block of a slot to the application (R5). If Held is nil, the block
// must be read from the store. The answer is Instance.Delivered.
type Deliver struct {
	Slot block.Slot
	Held *store.Certified
}

// FindHeader asks the runner to compare a signed header of a slot certified long ago with the
// stored header. If they differ, the answer is Instance.Conflict (R3).
type FindHeader struct{ Header block.SignedHeader }

// Certified tells the mempool that a block was certified and persisted.
type Certified struct {
	Block block.Block
	Own   bool
}

// Returned gives the messages of this member's open slot back to the mempool, because the group was
// closed (R9).
type Returned struct{ Messages []block.Message }

// Refused reports, for the log, that a block will not be echoed or a candidate of this member not
// be proposed.
type Refused struct {
	Slot   block.Slot
	Block  block.ID
	Own    bool
	Reason string
}

// Postponed reports that a block waits, before its bodies are fetched, because its chain has used
// up its rate, or because the disk is filling (R2).
type Postponed struct {
	Slot  block.Slot
	Block block.ID
	Space bool // it waits for space
}

// Equivocation reports evidence that was not known before.
type Equivocation struct{ Evidence store.Evidence }

// Halt stops the node: there is a signature of its key that its votes do not know (R8).
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
func (Postponed) Effect()    {}
func (Equivocation) Effect() {}
func (Halt) Effect()         {}
