// Package admission decides what a node spends on a frame that arrived: whether it verifies the
// frame, all of it or only the part that may change something, and who pays for that. It saves work
// and never loses a frame that the engine may need (PROTOCOL.md §6, Admission).
//
// It is a state machine between packages wire and engine, without goroutine, clock or lock. The
// runner calls, for each frame of a peer:
//
//	Ready   before it decodes the frame: how long the peer has to wait
//	Decide  once it is decoded: drop it, tell the engine its slot alone, or verify it
//	Settle  afterwards: what the frame has cost
//
// and Note for what it made durable, Sent for what it sent. The simulator does the
// same, so that the search looks for frames that were lost here.
//
// The package is unstable: it is public only because configurations hold its Limits.
package admission

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Admission is the admission control of one node. It is not safe for concurrent use.
type Admission struct {
	self    keys.Public
	limits  Limits
	book    book
	memory  memory
	proofs  certificates
	peers   accounts
	senders accounts
}

// New returns the admission control of a member that knows nothing yet. Zero limits take the
// defaults.
func New(self keys.Public, limits Limits) *Admission {
	limits = limits.WithDefaults()
	return &Admission{
		self: self, limits: limits, memory: newMemory(), proofs: newCertificates(),
		peers: newAccounts(
			bucketOf(limits.ChecksPerSecond, limits.ChecksBurst), bucketOf(limits.BytesPerSecond, limits.BytesBurst),
			bucketOf(limits.ServedPerSecond, limits.ServedBurst),
		),
		senders: newAccounts(bucketOf(limits.SenderChecksPerSecond, limits.SenderChecksBurst), unlimited, unlimited),
	}
}

// Arrival is a frame that a peer sent or forwarded. Nothing in the frame is proven.
type Arrival struct {
	From   keys.Public
	Frame  wire.Decoded
	Bytes  int  // the frame's length
	Gossip bool // From may only have forwarded it
	// Group is the group that the frame is about; nil: it is about no single one.
	Group *membership.Group
}

// Action says what to do with a frame.
type Action uint8

const (
	// Drop: nothing in the frame can change anything here.
	Drop Action = iota
	// Cover: the frame is the certificate of a block that is certified here. Its sender does not know
	// that; nothing else follows, so no signature is checked.
	Cover
	// Pass: verify Decision.Frame, and hand it to the engine.
	Pass
)

// Decision is the answer to an Arrival.
type Decision struct {
	Action Action
	Slot   block.Slot   // of Cover
	Frame  wire.Decoded // of Pass: the frame, or what is left of it
	// Known: the frame was verified before, or it is a certificate and Frame is another one of the
	// same block that was. It is verified no more, and still passed on: identical frames are how
	// members resend what got lost (R7).
	Known bool
	// Free: this node asked for the frame, so that it costs its sender nothing if it is valid.
	Free bool
}

// Decide decides what to do with a frame. It gives up only what cannot change the engine's state:
// what concerns a certified slot with the same block, except for answers that this node asked for
// and late echoes for its own tip; and of a creator that is proven to have equivocated, headers of
// open slots and proposals. Of gossip it also drops new messages of senders that are over their
// budget: they are pulled instead (R6).
func (a *Admission) Decide(now int64, in Arrival) Decision {
	switch f := in.Frame.Unverified().(type) {
	case wire.Proposal:
		if a.useless(f.SignedHeader) {
			return Decision{}
		}
	case wire.Certificate:
		if a.book.covers(f.Slot, f.Block) {
			return Decision{Action: Cover, Slot: f.Slot}
		}
		if held, ok := a.proofs.instead(in.Group, a.self, f); ok {
			return Decision{Action: Pass, Frame: held, Known: true}
		}
	case wire.Echo:
		if a.book.covers(f.Slot, f.Block) && !(f.Slot.Creator == a.self && a.book.isTip(f.Slot)) {
			return Decision{}
		}
	case wire.Frontier:
		return a.pass(in.Frame.Without(a.useless))
	case wire.Blocks:
		return a.decideBlocks(now, in)
	case wire.Messages:
		return a.decideMessages(now, in, f)
	case wire.Evidence, wire.Description:
		d := a.pass(in.Frame)
		d.Free = a.peers.of(now, in.From).answers(now, f)
		return d
	}
	return a.pass(in.Frame)
}

func (a *Admission) pass(frame wire.Decoded) Decision {
	return Decision{Action: Pass, Frame: frame, Known: a.memory.has(frame.Digest())}
}

// decideBlocks keeps whole what this node asked for: a certified block may be damaged on the disk.
// Of other frames it keeps the blocks that are not certified here, or differ from those that are.
func (a *Admission) decideBlocks(now int64, in Arrival) Decision {
	if a.peers.of(now, in.From).answers(now, in.Frame.Unverified()) {
		d := a.pass(in.Frame)
		d.Free = true
		return d
	}
	part := in.Frame.Without(a.covered)
	if f, ok := part.Unverified().(wire.Blocks); ok && len(f.Blocks) == 0 {
		return Decision{}
	}
	return a.pass(part)
}

func (a *Admission) decideMessages(now int64, in Arrival, f wire.Messages) Decision {
	d := a.pass(in.Frame)
	switch {
	case !in.Gossip:
		d.Free = a.peers.of(now, in.From).answers(now, f)
	case len(f.Messages) == 1 && a.senders.indebted(now, f.Messages[0].Sender()):
		return Decision{}
	}
	return d
}

// useless reports whether the header of a proposal or of an open slot can change nothing here.
func (a *Admission) useless(h block.SignedHeader) bool {
	return a.covered(h) || a.barred(h)
}

// covered reports whether the block with this header is certified here.
func (a *Admission) covered(h block.SignedHeader) bool {
	known, ok := a.book.certified(h.Header.Slot())
	return ok && known == h.Header.ID()
}

// barred reports whether a header is of a creator that is proven to have equivocated. A header with
// this node's key is always looked at: it may not know it (R8).
func (a *Admission) barred(h block.SignedHeader) bool {
	return h.Header.Creator != a.self && a.book.barred(h.Header.Group, h.Header.Creator)
}
