package broadcast

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// ownSlot is the creator's side of its open slot: who has answered, and when to send the proposal
// again (R7).
type ownSlot struct {
	echoes     map[int]keys.Signature
	done       []bool // echoed, rejected or closed
	resend     []retry
	rejections int
	sent       int64 // when the proposal was sent first
}

// certifiedTip is the last own certificate, until every member has it (R4, R7).
type certifiedTip struct {
	height uint64
	id     block.ID
	block  block.Block
	proof  certificate.Certificate
	resend []retry
}

// dropOwn ends what was under way for the open own slot.
func (b *Instance) dropOwn() {
	if b.own != nil {
		stopAll(b.own.resend)
	}
	b.own, b.candidate = nil, nil
}

// dropTip ends the resending of the tip's certificate.
func (b *Instance) dropTip() {
	if b.tip != nil {
		stopAll(b.tip.resend)
	}
	b.tip = nil
}

// CanPropose reports whether this member may begin its next block: its own slot is free, and it
// waits for nothing else (Config.Waiting).
func (b *Instance) CanPropose() bool { return b.OwnSlotFree() && !b.chains[b.Self].waits }

// OwnSlotFree reports whether this member has no block under way. There is one open slot per chain
// (R1), and none while the member is muted or after it equivocated.
func (b *Instance) OwnSlotFree() bool {
	c := b.chains[b.Self]
	return !b.halted && !b.Muted && !b.Closed && b.candidate == nil && c.open == nil && c.lost == nil && c.proof == nil && !c.barred()
}

// Proposing reports whether a message is in this member's candidate or open block, and may be
// certified there.
func (b *Instance) Proposing(id block.MessageID) bool {
	if b.Muted || b.Closed {
		return false
	}
	if b.candidate != nil && slices.Contains(b.candidate.MessageIDs(), id) {
		return true
	}
	c := b.chains[b.Self]
	return c.open != nil && b.named.names(id, c)
}

// Propose makes a candidate of these messages, dates it by the wall clock, and asks the application
// the same question as every other member does (R1).
func (b *Instance) Propose(now, wall int64, messages []block.Message) {
	b.step(now)
	if !b.CanPropose() || len(messages) == 0 {
		return
	}
	c := b.chains[b.Self]
	candidate := block.New(b.Group, c.key, c.height+1, c.tip, wall, messages)
	if err := candidate.Check(b.Group); err != nil {
		b.emit(Refused{Slot: candidate.Header.Slot(), Block: candidate.ID(), Own: true, Reason: err.Error()})
		return
	}
	b.candidate = &candidate
	b.emit(CheckBlock{Block: candidate, Own: true})
}

// ownVerdict handles the application's verdict on the candidate. Only an accepted candidate is
// persisted, signed and proposed.
func (b *Instance) ownVerdict(id block.ID, decision verdict.Decision) {
	candidate := b.candidate
	if candidate == nil || b.Closed || candidate.ID() != id {
		return
	}
	b.candidate = nil
	switch {
	case decision.IsReject():
		b.emit(Refused{Slot: candidate.Header.Slot(), Block: id, Own: true, Reason: decision.Reason()})
	case decision.IsAccept():
		c := b.chains[b.Self]
		b.grow(c, *candidate, true)
		b.open(c, newHeldSlot(*candidate, id, voting))
		// R1, R8: the block is persisted before it is signed, so that a restarted creator proposes this
		// block and no other.
		b.emit(Persist{Write: store.PutVote{Block: *candidate}}, SignProposal{Header: candidate.Header})
	}
}

// ProposalSigned handles the answer to SignProposal: it sends the proposal to every member.
func (b *Instance) ProposalSigned(now int64, header block.SignedHeader, echo certificate.Echo) {
	b.step(now)
	c := b.chains[b.Self]
	o := c.open
	if o == nil || o.id != echo.Block || b.own != nil || b.halted || c.stop != nil {
		return
	}
	o.header, o.echo, o.state = header, &echo, echoed
	c.first, c.since = &o.header, now
	b.changes++
	n := b.Group.N()
	b.own = &ownSlot{echoes: map[int]keys.Signature{}, done: make([]bool, n), resend: make([]retry, n), sent: now}
	if !b.Closed {
		b.sendAll(o.proposal())
		for i := range b.own.resend {
			if i != b.Self {
				b.awaitEcho(i)
			}
		}
	}
	b.count(b.Self, echo.Signature)
}

func (b *Instance) resendProposal(to int) {
	b.send(to, b.chains[b.Self].open.proposal())
	b.awaitEcho(to)
}

// awaitEcho arms the timer after which the proposal is sent to a member again.
func (b *Instance) awaitEcho(member int) {
	b.own.resend[member].after(b, member, b.AnswerTime(), b.longest())
}

// Echo handles a member's echo of this member's block. A late echo joins the certificate of the
// tip.
func (b *Instance) Echo(now int64, e wire.Echo) {
	b.step(now)
	signer, _ := b.Group.Index(e.Signer)
	if signer == b.Self {
		b.knowsVote(b.chain(e.Slot.Creator), e.Slot, e.Block)
		return
	}
	c := b.chains[b.Self]
	if e.Slot.Creator != c.key {
		return
	}
	switch {
	case b.own != nil && c.open != nil && e.Block == c.open.id && e.Slot.Height == c.height+1:
		b.count(signer, e.Signature)
	case b.tip != nil && e.Block == b.tip.id && e.Slot.Height == b.tip.height && !b.tip.proof.Signed(signer):
		late := certificate.New(b.Group, e.Slot, e.Block, map[int]keys.Signature{signer: e.Signature})
		b.tip.proof = certificate.Merge(b.Group, b.tip.proof, late)
		// A complete certificate is persisted, so that members that catch up get all signatures.
		if b.tip.proof.Count() == b.Group.N() {
			b.emit(Persist{Write: store.PutCertified{Block: b.tip.block, Certificate: b.tip.proof}, Relaxed: true})
		}
	}
}

// count adds an echo to the open own slot. R4: q echoes of distinct members make the certificate.
func (b *Instance) count(signer int, signature keys.Signature) {
	if signer != b.Self && !b.own.done[signer] {
		b.echoTimes.add(b.now - b.own.sent)
	}
	b.own.echoes[signer] = signature
	b.own.done[signer] = true
	b.own.resend[signer].stop()
	if len(b.own.echoes) >= b.Group.Q() {
		c := b.chains[b.Self]
		proof := certificate.New(b.Group, c.slot(b, c.height+1), c.open.id, b.own.echoes)
		b.certified(c, c.open.block(), proof)
	}
}

// Rejection handles a member's statement that it will never echo this member's block.
func (b *Instance) Rejection(now int64, from int, r wire.Rejection) {
	b.step(now)
	c := b.chains[b.Self]
	if b.own == nil || c.open == nil || r.Slot.Creator != c.key || r.Block != c.open.id || b.own.done[from] {
		return
	}
	b.own.done[from] = true
	b.own.resend[from].stop()
	if b.own.rejections++; b.own.rejections == b.Group.N()-b.Group.Q()+1 {
		b.emit(Refused{Slot: r.Slot, Block: r.Block, Own: true, Reason: "too many members rejected it to reach a quorum"})
	}
}
