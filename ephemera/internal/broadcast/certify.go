package broadcast

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Certificate takes a verified certificate (R4, R5).
func (b *Instance) Certificate(now int64, from int, f wire.Certificate) {
	b.step(now)
	proof := f.Certificate
	c := b.chain(proof.Slot.Creator)
	if proof.Slot.Height <= c.height || !b.knowsOwnEcho(c, proof) {
		return
	}
	b.claim(c, from, proof.Slot.Height)
	if proof.Slot.Height > c.height+1 {
		return
	}
	if o := c.open; o != nil && o.id == proof.Block && o.missing == 0 {
		b.certified(c, o.block(), proof)
		return
	}
	if c.proof == nil {
		c.proof = &proof
		c.fetch.at(b.now + b.Timing.Fetch)
	}
}

// knowsOwnEcho halts the node when a certificate bears its echo and its votes do not know that
// (R8).
func (b *Instance) knowsOwnEcho(c *chain, proof certificate.Certificate) bool {
	return !proof.Signed(b.Self) || b.knowsVote(c, proof.Slot, proof.Block)
}

// knowsVote halts the node when its echo exists for a block above the certified ones that it did
// not vote for (R8).
func (b *Instance) knowsVote(c *chain, slot block.Slot, id block.ID) bool {
	if b.Muted || b.Closed || slot.Height <= c.height {
		return true
	}
	if o := c.open; slot.Height == c.height+1 && o != nil && o.id == id && o.state >= voting {
		return true
	}
	b.halt("an echo of slot " + slot.String() + " bears this node's signature and its vote store does not know it")
	return false
}

// Blocks takes verified blocks that were asked for: one that a certificate is waiting for, or
// certified ones of a chain.
func (b *Instance) Blocks(now int64, from int, f wire.Blocks) {
	b.step(now)
	for _, held := range f.Blocks {
		c := b.chain(held.Block.Header.Creator)
		b.observeHeader(c, held.Block.SignedHeader)
		if !b.halted && held.Block.Pruned() {
			if before := c.height; b.notePruned(c, from, held) > before {
				b.pullMore(c, from)
			}
			continue
		}
		if b.halted || held.Block.Header.Height != c.height+1 {
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
			b.certified(c, held.Block, *proof)
			b.acceptPruned(c)
			b.pullMore(c, from)
		}
	}
}

// certified moves a chain up by one block: persist block and certificate in one transaction, spread
// an own certificate, deliver (R4, R5).
func (b *Instance) certified(c *chain, blk block.Block, proof certificate.Certificate) {
	id := blk.ID()
	if c.first != nil && c.first.Header.ID() != id {
		b.addEvidence(c, *c.first, blk.SignedHeader)
	}
	b.emit(Persist{Write: store.PutCertified{Block: blk, Certificate: proof}})
	mine := c.creator == b.Self
	if mine {
		b.own, b.candidate = nil, nil
		b.sendCertificate(blk, id, proof)
	}
	next := c.next
	c.height, c.tip = blk.Header.Height, id
	b.heights[c.creator] = c.height
	b.changes++
	c.first, c.open, c.next, c.proof = nil, nil, nil, nil
	delete(c.pruned, c.height)
	c.fetch.stop()
	b.emit(Certified{Block: blk, Own: mine})
	b.deliverNext(c, &store.Certified{Block: blk, Certificate: proof})
	if next != nil && next.Header.Height == c.height+1 {
		b.Proposal(b.now, c.creator, *next)
	}
}

// spread sends an own certificate to every member, and again to those whose frontier does not cover
// it (R4, R7).
func (b *Instance) sendCertificate(blk block.Block, id block.ID, proof certificate.Certificate) {
	height := blk.Header.Height
	b.tip = &certifiedTip{height: height, id: id, block: blk, proof: proof, resend: make([]retry, b.Group.N())}
	for i := range b.chains {
		b.send(i, wire.Certificate{Certificate: proof})
		if i != b.Self && b.chains[b.Self].claimed(i) < height {
			b.tip.resend[i].after(b, i, 4*b.Timing.Retry, tipCaps*b.Timing.Cap)
		}
	}
}

// deliverNext hands the next block of a chain to the application, one at a time (R5).
func (b *Instance) deliverNext(c *chain, held *store.Certified) {
	if c.delivering || c.delivered >= c.height || c.redeliver.armed() {
		return
	}
	if held != nil && held.Block.Header.Height != c.delivered+1 {
		held = nil
	}
	c.delivering = true
	b.emit(Deliver{Slot: c.slot(b, c.delivered+1), Held: held})
}

// Delivered takes the application's answer to Deliver. A block that it did not take comes again
// later.
func (b *Instance) Delivered(now int64, slot block.Slot, ok bool) {
	b.step(now)
	c := b.chain(slot.Creator)
	if !c.delivering || slot.Height != c.delivered+1 {
		return
	}
	c.delivering = false
	if !ok {
		c.redeliver.after(b, c.creator, b.Timing.Reconsider, 30*b.Timing.Reconsider)
		return
	}
	c.redeliver.stop()
	c.delivered++
	b.emit(Persist{Write: store.PutDelivered{Slot: slot}, Relaxed: true})
	b.deliverNext(c, nil)
}
