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

// own is the creator's side of its open slot: who has answered, and when to ask again (R7).
type own struct {
	echoes map[int]keys.Signature
	done   []bool // echoed or rejected
	resend []retry
	denied int
}

// spread is a certificate on its way to all members (R4, R7).
type spread struct {
	height uint64
	id     block.ID
	block  block.Block
	proof  certificate.Certificate
	resend []retry
}

// CanPropose tells whether the next own block may be begun: one open slot per chain (R1), none when
// muted or after own equivocation.
func (s *Instance) CanPropose() bool {
	c := s.chains[s.Self]
	return !s.halted && !s.Muted && !s.Closed && s.candidate == nil && c.open == nil && c.proof == nil && !c.barred()
}

// Proposing tells whether a message is in the own candidate or the own open block, and may be
// certified with it.
func (s *Instance) Proposing(id block.MessageID) bool {
	if s.Muted || s.Closed {
		return false
	}
	if s.candidate != nil && slices.Contains(s.candidate.MessageIDs(), id) {
		return true
	}
	o := s.chains[s.Self].open
	if o == nil {
		return false
	}
	_, ok := o.index(id)
	return ok
}

// Propose makes a candidate of these messages and asks the application the same question as
// everybody else (R1).
func (s *Instance) Propose(now int64, messages []block.Message) {
	s.step(now)
	if !s.CanPropose() || len(messages) == 0 {
		return
	}
	c := s.chains[s.Self]
	b := block.New(s.Group, c.key, c.height+1, c.tip, now, messages)
	if err := b.Check(s.Group); err != nil {
		s.emit(Refused{Slot: b.Header.Slot(), Block: b.ID(), Own: true, Reason: err.Error()})
		return
	}
	s.candidate = &b
	s.emit(CheckBlock{Block: b, Own: true})
}

// ownVerdict ends a candidate: only an accepted one is persisted, signed and proposed.
func (s *Instance) ownVerdict(id block.ID, decision verdict.Decision) {
	b := s.candidate
	if b == nil || s.Closed || b.ID() != id {
		return
	}
	s.candidate = nil
	switch {
	case decision.IsReject():
		s.emit(Refused{Slot: b.Header.Slot(), Block: id, Own: true, Reason: decision.Reason()})
	case decision.IsAccept():
		c := s.chains[s.Self]
		c.open = heldSlot(*b, id, voting)
		// R1, R8: persisted before it is signed, so that a restarted creator proposes this block and no
		// other.
		s.emit(Persist{Write: store.PutVote{Block: *b}}, SignProposal{Header: b.Header})
	}
}

// ProposalSigned takes the signatures that SignProposal asked for, and sends the proposal to every
// member.
func (s *Instance) ProposalSigned(now int64, header block.SignedHeader, echo certificate.Echo) {
	s.step(now)
	c := s.chains[s.Self]
	o := c.open
	if o == nil || o.id != echo.Block || s.own != nil || s.halted {
		return
	}
	o.header, o.echo, o.state = header, &echo, echoed
	c.first, c.since = &o.header, now
	s.news++
	n := s.Group.N()
	s.own = &own{echoes: map[int]keys.Signature{}, done: make([]bool, n), resend: make([]retry, n)}
	for i := range s.own.resend {
		if i != s.Self && !s.Closed {
			s.resendProposal(i)
		}
	}
	s.count(s.Self, echo.Signature)
}

func (s *Instance) resendProposal(to int) {
	s.send(to, wire.Proposal{Proposal: s.chains[s.Self].open.block().Proposal()})
	s.own.resend[to].after(s, to, s.Timing.Retry, s.Timing.Cap)
}

// Echo takes a member's echo of an own block. Late ones join the certificate of the tip.
func (s *Instance) Echo(now int64, e wire.Echo) {
	s.step(now)
	signer, _ := s.Group.Index(e.Signer)
	if signer == s.Self {
		s.knowsVote(s.chain(e.Slot.Creator), e.Slot, e.Block)
		return
	}
	c := s.chains[s.Self]
	if e.Slot.Creator != c.key {
		return
	}
	switch {
	case s.own != nil && c.open != nil && e.Block == c.open.id && e.Slot.Height == c.height+1:
		s.count(signer, e.Signature)
	case s.tip != nil && e.Block == s.tip.id && e.Slot.Height == s.tip.height && !s.tip.proof.Signed(signer):
		late := certificate.New(s.Group, e.Slot, e.Block, map[int]keys.Signature{signer: e.Signature})
		s.tip.proof = certificate.Merge(s.Group, s.tip.proof, late)
		if s.tip.proof.Count() == s.Group.N() { // nothing more will come: members that catch up get it whole
			s.emit(Persist{Write: store.PutCertified{Block: s.tip.block, Certificate: s.tip.proof}, Relaxed: true})
		}
	}
}

// count adds an echo to the open own slot. R4: q of distinct members make the certificate.
func (s *Instance) count(signer int, signature keys.Signature) {
	s.own.echoes[signer] = signature
	s.own.done[signer] = true
	s.own.resend[signer].stop()
	if len(s.own.echoes) >= s.Group.Q() {
		c := s.chains[s.Self]
		proof := certificate.New(s.Group, c.slot(s, c.height+1), c.open.id, s.own.echoes)
		s.certified(c, c.open.block(), proof)
	}
}

// Rejection takes a member's word that it will never echo the own block.
func (s *Instance) Rejection(now int64, from int, r wire.Rejection) {
	s.step(now)
	c := s.chains[s.Self]
	if s.own == nil || c.open == nil || r.Slot.Creator != c.key || r.Block != c.open.id || s.own.done[from] {
		return
	}
	s.own.done[from] = true
	s.own.resend[from].stop()
	if s.own.denied++; s.own.denied == s.Group.N()-s.Group.Q()+1 {
		s.emit(Refused{Slot: r.Slot, Block: r.Block, Own: true, Reason: "too many members rejected it to reach a quorum"})
	}
}
