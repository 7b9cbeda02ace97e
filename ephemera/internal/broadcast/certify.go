package broadcast

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Certificate takes a verified certificate (R4, R5).
func (s *Instance) Certificate(now int64, from int, f wire.Certificate) {
	s.step(now)
	proof := f.Certificate
	c := s.chain(proof.Slot.Creator)
	if proof.Slot.Height <= c.height || !s.knowsOwnEcho(c, proof) {
		return
	}
	s.claim(c, from, proof.Slot.Height)
	if proof.Slot.Height > c.height+1 {
		return
	}
	if o := c.open; o != nil && o.id == proof.Block && o.missing == 0 {
		s.certified(c, o.block(), proof)
		return
	}
	if c.proof == nil {
		c.proof = &proof
		c.fetch.at(s.now + s.Timing.Fetch)
	}
}

// knowsOwnEcho halts the node when a certificate bears its echo and its votes do not know that
// (R8).
func (s *Instance) knowsOwnEcho(c *chain, proof certificate.Certificate) bool {
	return !proof.Signed(s.Self) || s.knowsVote(c, proof.Slot, proof.Block)
}

// knowsVote halts the node when its echo exists for a block above the certified ones that it did
// not vote for (R8).
func (s *Instance) knowsVote(c *chain, slot block.Slot, id block.ID) bool {
	if s.Muted || s.Closed || slot.Height <= c.height {
		return true
	}
	if o := c.open; slot.Height == c.height+1 && o != nil && o.id == id && o.state >= voting {
		return true
	}
	s.halt("an echo of slot " + slot.String() + " bears this node's signature and its vote store does not know it")
	return false
}

// Blocks takes verified blocks that were asked for: one that a certificate is waiting for, or
// certified ones of a chain.
func (s *Instance) Blocks(now int64, from int, f wire.Blocks) {
	s.step(now)
	for _, held := range f.Blocks {
		c := s.chain(held.Block.Header.Creator)
		s.note(c, held.Block.SignedHeader)
		if !s.halted && held.Block.Pruned() {
			if before := c.height; s.takeRemoved(c, from, held) > before {
				s.pullMore(c, from)
			}
			continue
		}
		if s.halted || held.Block.Header.Height != c.height+1 {
			continue
		}
		proof := held.Certificate
		if proof != nil && !s.knowsOwnEcho(c, *proof) {
			return
		}
		if proof == nil && c.proof != nil && c.proof.Block == held.Block.ID() {
			proof = c.proof
		}
		if proof != nil {
			if from == c.asked.member {
				c.asked.bytes += held.Block.BodyBytes()
			}
			s.certified(c, held.Block, *proof)
			s.settleRemoved(c)
			s.pullMore(c, from)
		}
	}
}

// certified moves a chain up by one block: persist block and certificate in one transaction, spread
// an own certificate, deliver (R4, R5).
func (s *Instance) certified(c *chain, b block.Block, proof certificate.Certificate) {
	id := b.ID()
	if c.first != nil && c.first.Header.ID() != id {
		s.addEvidence(c, *c.first, b.SignedHeader)
	}
	s.emit(Persist{Write: store.PutCertified{Block: b, Certificate: proof}})
	mine := c.creator == s.Self
	if mine {
		s.own, s.candidate = nil, nil
		s.spread(b, id, proof)
	}
	next := c.next
	c.height, c.tip = b.Header.Height, id
	s.heights[c.creator] = c.height
	s.news++
	c.first, c.open, c.next, c.proof = nil, nil, nil, nil
	delete(c.removed, c.height)
	c.fetch.stop()
	s.emit(Certified{Block: b, Own: mine})
	s.deliverNext(c, &store.Certified{Block: b, Certificate: proof})
	if next != nil && next.Header.Height == c.height+1 {
		s.Proposal(s.now, c.creator, *next)
	}
}

// spread sends an own certificate to every member, and again to those whose frontier does not cover
// it (R4, R7).
func (s *Instance) spread(b block.Block, id block.ID, proof certificate.Certificate) {
	height := b.Header.Height
	s.tip = &spread{height: height, id: id, block: b, proof: proof, resend: make([]retry, s.Group.N())}
	for i := range s.chains {
		s.send(i, wire.Certificate{Certificate: proof})
		if i != s.Self && s.chains[s.Self].claimed(i) < height {
			s.tip.resend[i].after(s, i, 4*s.Timing.Retry, patientCaps*s.Timing.Cap)
		}
	}
}

// deliverNext hands the next block of a chain to the application, one at a time (R5).
func (s *Instance) deliverNext(c *chain, held *store.Certified) {
	if c.delivering || c.delivered >= c.height || c.redeliver.armed() {
		return
	}
	if held != nil && held.Block.Header.Height != c.delivered+1 {
		held = nil
	}
	c.delivering = true
	s.emit(Deliver{Slot: c.slot(s, c.delivered+1), Held: held})
}

// Delivered takes the application's answer to Deliver. A block that it did not take comes again
// later.
func (s *Instance) Delivered(now int64, slot block.Slot, ok bool) {
	s.step(now)
	c := s.chain(slot.Creator)
	if !c.delivering || slot.Height != c.delivered+1 {
		return
	}
	c.delivering = false
	if !ok {
		c.redeliver.after(s, c.creator, s.Timing.Reconsider, 30*s.Timing.Reconsider)
		return
	}
	c.redeliver.stop()
	c.delivered++
	s.emit(Persist{Write: store.PutDelivered{Slot: slot}, Relaxed: true})
	s.deliverNext(c, nil)
}
