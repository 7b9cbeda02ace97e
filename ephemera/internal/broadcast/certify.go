package broadcast

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Certificate handles a certificate (R4, R5).
func (b *Instance) Certificate(now int64, from int, f wire.Certificate) {
	b.step(now)
	proof := f.Certificate
	c := b.chain(proof.Slot.Creator)
	if b.compareCertificate(c, from, proof) || !b.knowsOwnEcho(c, proof) {
		return
	}
	b.claim(c, from, proof.Slot.Height)
	if proof.Slot.Height > c.height+1 {
		return
	}
	if o := c.open; o != nil && o.id == proof.Block && b.whole(c) {
		b.certified(c, o.block(), proof)
		return
	}
	if c.proof == nil {
		c.proof = &proof
		c.fetch.at(b, b.now+b.Timing.Fetch)
	}
}

// knowsOwnEcho halts the node if a certificate holds its own echo and its votes do not know that
// echo (R8).
func (b *Instance) knowsOwnEcho(c *chain, proof certificate.Certificate) bool {
	return !proof.Signed(b.Self) || b.knowsVote(c, proof.Slot, proof.Block)
}

// knowsVote halts the node if an echo of its own exists, above the certified height, for a block
// that it did not vote for (R8).
func (b *Instance) knowsVote(c *chain, slot block.Slot, id block.ID) bool {
	if b.Muted || b.Closed || slot.Height <= c.height {
		return true
	}
	if o := c.open; slot.Height == c.height+1 && o != nil && o.id == id && o.state >= voting {
		return true
	}
	if slot.Height == c.height+1 && c.lost != nil && c.lost.Block == id {
		return true
	}
	b.haltForUnknownVote("an echo", slot)
	return false
}

// Blocks handles blocks that this member asked for: the one that a certificate is waiting for, or
// certified blocks of a chain.
func (b *Instance) Blocks(now int64, from int, f wire.Blocks) {
	b.step(now)
	for _, held := range f.Blocks {
		c := b.chain(held.Block.Header.Creator)
		b.observeHeader(c, held.Block.SignedHeader)
		if b.repairWith(c, from, held) || !b.halted && b.findVoted(c, held) {
			continue
		}
		if proof := held.Certificate; proof != nil && b.compareCertificate(c, from, *proof) {
			b.walked(from, proof.Slot)
			continue
		}
		if !b.halted && held.Block.Pruned() {
			if before := c.height; b.notePruned(c, from, held) > before {
				b.pullMore(c, from)
			}
			continue
		}
		if b.halted || c.stop != nil || held.Block.Header.Height != c.height+1 {
			continue
		}
		proof := held.Certificate
		if proof != nil && !b.knowsOwnEcho(c, *proof) {
			return
		}
		if proof == nil && c.proof != nil && c.proof.Block == held.Block.ID() {
			proof = c.proof
		}
		if proof != nil {
			if from == c.lastPull.member {
				c.lastPull.bytes += held.Block.BodyBytes()
			}
			b.owed[from] = 0
			before := c.height
			if b.certified(c, held.Block, *proof); c.height > before {
				b.acceptPruned(c)
				b.pullMore(c, from)
			}
		}
	}
}

// certified advances a chain by one block, unless that shows a fork. It persists block and
// certificate in one transaction, sends a certificate of its own block to every member, and
// delivers (R4, R5).
func (b *Instance) certified(c *chain, blk block.Block, proof certificate.Certificate) {
	id := blk.ID()
	if other := c.otherProof(proof); other != nil {
		b.stopChain(c, *other, proof)
	}
	if c.stop != nil || !b.continues(c, blk.Header.Parent, proof) {
		return
	}
	if !c.voted(id) {
		b.grow(c, blk, false)
	}
	if c.first != nil && c.first.Header.ID() != id {
		b.addEvidence(c, *c.first, blk.SignedHeader)
	}
	b.emit(Persist{Write: store.PutCertified{Block: blk, Certificate: proof}})
	mine := c.creator == b.Self
	if mine {
		b.dropOwn()
		b.sendCertificate(blk, id, proof)
	}
	if c.lost != nil && c.lost.Block == id { // what is stored of it since the vote is damaged
		b.emit(Persist{Write: store.PutRepaired{Block: blk, Certificate: proof}})
	}
	next := c.next
	c.height, c.tip = blk.Header.Height, id
	b.heights[c.creator], b.tipsKnown = c.height, false
	b.changes++
	b.named.close(c)
	c.open, c.next, c.proof, c.lost, c.suspect = nil, nil, nil, nil, nil
	c.inquiry.stop()
	b.advanceHeaders(c)
	c.fetchLost.stop()
	delete(c.pruned, c.height)
	c.fetch.stop()
	b.emit(Certified{Block: blk, Own: mine})
	b.deliverNext(c, &store.Certified{Block: blk, Certificate: proof})
	if next != nil && next.Header.Height == c.height+1 {
		b.Proposal(b.now, c.creator, *next)
	}
}

// sendCertificate sends its own block's certificate to every member, and again to those whose
// frontier does not cover it (R4, R7).
func (b *Instance) sendCertificate(blk block.Block, id block.ID, proof certificate.Certificate) {
	height := blk.Header.Height
	b.dropTip()
	b.tip = &certifiedTip{height: height, id: id, block: blk, proof: proof, resend: make([]retry, b.Group.N())}
	b.sendAll(wire.Certificate{Certificate: proof})
	for i := range b.chains {
		if i != b.Self && b.chains[b.Self].claimed(i) < height {
			b.awaitTip(i)
		}
	}
}

// deliverNext hands the next block of a chain to the application, one at a time (R5).
func (b *Instance) deliverNext(c *chain, held *store.Certified) {
	if c.delivering || c.delivered >= c.height || c.redeliver.armed() || c.stop != nil {
		return
	}
	if held != nil && held.Block.Header.Height != c.delivered+1 {
		held = nil
	}
	c.delivering = true
	b.emit(Deliver{Slot: c.slot(b, c.delivered+1), Held: held})
}

// Delivered handles the application's answer to Deliver. A block that it did not accept is
// delivered again later.
func (b *Instance) Delivered(now int64, slot block.Slot, ok bool) {
	b.step(now)
	c := b.chain(slot.Creator)
	if !c.delivering || slot.Height != c.delivered+1 {
		return
	}
	c.delivering = false
	if !ok && c.stop != nil {
		return
	}
	if !ok {
		c.redeliver.after(b, c.creator, b.Timing.Reconsider, 30*b.Timing.Reconsider)
		return
	}
	c.redeliver.stop()
	c.delivered++
	b.emit(Persist{Write: store.PutDelivered{Slot: slot}, Relaxed: true})
	b.deliverNext(c, nil)
}
