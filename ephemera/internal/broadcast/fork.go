package broadcast

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// stopped is a chain that has two certificates for one slot: more than f members are faulty. The
// chain stops at what is stored (R5). Every member is sent both certificates until it has shown
// both.
type stopped struct {
	fork  store.Fork
	heard []heard // by the member's place
}

// heard is what a member knows of a fork, and what it was sent.
type heard struct {
	a, b bool // it sent the certificate
	tell retry
	last int64 // when it was told; 0: never
}

// Fork reports that two blocks of one slot are certified: more than f members of the group are
// faulty. The chain has stopped. It is reported once in a run.
type Fork struct{ Fork store.Fork }

// FindFork asks the runner to compare the certificate of a slot certified here with the stored one.
// If they are for different blocks, the answer is Instance.Forked.
type FindFork struct{ Certificate certificate.Certificate }

// Effect marks the type as an effect.
func (Fork) Effect()     {}
func (FindFork) Effect() {}

// Forked handles two certificates for different blocks of one slot.
func (b *Instance) Forked(now int64, x, y certificate.Certificate) {
	b.step(now)
	if x.Slot == y.Slot && x.Block != y.Block {
		b.stopChain(b.chain(x.Slot.Creator), x, y)
	}
}

// Fork returns the two certificates at which a creator's chain stopped.
func (b *Instance) Fork(creator int) (store.Fork, bool) {
	if c := b.chains[creator]; c.stop != nil {
		return c.stop.fork, true
	}
	return store.Fork{}, false
}

// barred reports whether this member signs nothing on a chain: its creator signed two headers, or
// two of its blocks are certified for one slot.
func (c *chain) barred() bool { return c.equivocated() || c.stop != nil }

// stopChain keeps both certificates and ends everything that is under way on the chain.
func (b *Instance) stopChain(c *chain, x, y certificate.Certificate) {
	if c.stop != nil {
		return
	}
	fork := store.NewFork(x, y)
	c.halt(b, fork)
	b.changes++
	b.emit(Persist{Write: store.PutFork{Fork: fork}}, Fork{Fork: fork})
	b.tellAll(c)
	if x.Signed(b.Self) && y.Signed(b.Self) {
		b.halt("two echoes for slot " + x.Slot.String() + " bear this node's signature")
	}
}

// halt stops the chain's timers. Blocks that are stored are repaired and served as before.
func (c *chain) halt(b *Instance, fork store.Fork) {
	c.stop = &stopped{fork: fork, heard: make([]heard, b.Group.N())}
	c.proof, c.next, c.pruned, c.claims, c.suspect = nil, nil, nil, nil, nil
	for _, r := range []*retry{&c.fetch, &c.pull, &c.fetchLost, &c.redeliver, &c.inquiry} {
		r.stop()
	}
	if o := c.open; o != nil {
		o.state = withheld
		o.retry.stop()
	}
	if c.creator == b.Self {
		b.dropOwn()
		b.dropTip()
	}
	b.tipsKnown = false
}

// tellAll sends the two certificates to every member.
func (b *Instance) tellAll(c *chain) {
	for i := range c.stop.heard {
		if i != b.Self {
			b.tellFork(c, i)
		}
	}
}

func (b *Instance) tellFork(c *chain, to int) {
	h := &c.stop.heard[to]
	h.last = b.now
	b.send(to, wire.Certificate{Certificate: c.stop.fork.A})
	b.send(to, wire.Certificate{Certificate: c.stop.fork.B})
	if !h.a || !h.b {
		h.tell.after(b, to, 4*b.Timing.Retry, tipCaps*b.Timing.Cap)
	}
}

// heardFork handles a certificate of a chain that has stopped. A member that sends one of the
// slot's certificates may not know that this member has both, so it is told, unless it was a moment
// ago.
func (b *Instance) heardFork(c *chain, from int, proof certificate.Certificate) {
	h, fork := &c.stop.heard[from], &c.stop.fork
	if from == b.Self || proof.Slot != fork.A.Slot {
		return
	}
	h.a, h.b = h.a || proof.Block == fork.A.Block, h.b || proof.Block == fork.B.Block
	if h.a && h.b {
		h.tell.stop()
	}
	if h.last == 0 || h.last+b.Timing.Cap <= b.now {
		b.tellFork(c, from)
	}
}

// telling reports whether a member has to be told of the fork.
func (c *chain) telling() bool {
	if c.stop == nil {
		return false
	}
	for i := range c.stop.heard {
		if c.stop.heard[i].tell.armed() {
			return true
		}
	}
	return false
}

// compareCertificate looks for a second certificate of a slot. It reports whether the certificate
// is of a slot in which nothing more is to be done: it is certified here, or has stopped the chain.
func (b *Instance) compareCertificate(c *chain, from int, proof certificate.Certificate) bool {
	if c.stop != nil {
		b.heardFork(c, from, proof)
		return true
	}
	if proof.Slot.Height <= c.height {
		if proof.Slot.Height < c.height || proof.Block != c.tip {
			b.emit(FindFork{Certificate: proof})
		}
		return true
	}
	if other := c.otherProof(proof); other != nil {
		b.stopChain(c, *other, proof)
		return true
	}
	return false
}

// otherProof returns a certificate in hand for another block of the same slot above the certified
// height, or nil.
func (c *chain) otherProof(proof certificate.Certificate) *certificate.Certificate {
	if c.proof != nil && c.proof.Slot == proof.Slot && c.proof.Block != proof.Block {
		return c.proof
	}
	if r := c.pruned[proof.Slot.Height]; r != nil && r.proof.Block != proof.Block {
		return &r.proof
	}
	return nil
}

// continues reports whether a certified block continues the chain. If its parent is not the block
// below, a quorum stored another one there (R8), so that one is certified too: some signer has the
// certificate.
func (b *Instance) continues(c *chain, parent [32]byte, proof certificate.Certificate) bool {
	if c.tip == parent {
		return true
	}
	if c.suspect == nil {
		c.suspect = &proof
		c.inquiry.at(b, b.now)
	}
	return false
}

// inquire asks the signers of a block over another parent in turn for the certificate below it.
func (b *Instance) inquire(c *chain) {
	var signers []int
	for i := range b.Group.N() {
		if i != b.Self && c.suspect.Signed(i) {
			signers = append(signers, i)
		}
	}
	if len(signers) == 0 || c.height == 0 {
		c.inquiry.stop()
		return
	}
	to := signers[(b.Self+c.inquiry.attempts)%len(signers)]
	b.send(to, wire.GetCertified{From: c.slot(b, c.height)})
	c.inquiry.turn(b, to, len(signers))
}

// tickFork does what is due for a fork that is known or suspected.
func (b *Instance) tickFork(c *chain) {
	if c.suspect != nil && c.inquiry.armed() && c.inquiry.due <= b.now {
		b.inquire(c)
	}
	if c.stop == nil {
		return
	}
	for i := range c.stop.heard {
		if h := &c.stop.heard[i]; h.tell.armed() && h.tell.due <= b.now {
			b.tellFork(c, i)
		}
	}
}
