package broadcast

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// repair is a certified block whose stored form is damaged. It counts as missing and is fetched
// again (R5).
type repair struct {
	height uint64
	id     block.ID
	proof  *certificate.Certificate // nil: it is damaged too
	fetch  retry
	pruned []bool // by the member's place: it says that it removed the messages
	count  int    // of pruned
}

// maxRepairs bounds how many damaged blocks of a chain are fetched at a time. An older one gives
// way to a newer one, and is fetched when it is read again.
const maxRepairs = 16

// Damaged handles the store's report that it holds a certified block in a damaged form. proof is
// its stored certificate, or nil if that is damaged too.
func (b *Instance) Damaged(now int64, slot block.Slot, id block.ID, proof *certificate.Certificate) {
	b.step(now)
	creator, ok := b.Group.Index(slot.Creator)
	if !ok || b.halted || b.Group.N() == 1 {
		return
	}
	c := b.chains[creator]
	if slot.Height == 0 || slot.Height > c.height || slices.ContainsFunc(c.repairs, func(r *repair) bool { return r.id == id }) {
		return
	}
	if len(c.repairs) == maxRepairs {
		c.repairs = slices.Delete(c.repairs, 0, 1)
	}
	r := &repair{height: slot.Height, id: id, proof: proof, pruned: make([]bool, b.Group.N())}
	r.fetch.at(b, now)
	c.repairs = append(c.repairs, r)
}

// fetchRepair asks the members for a damaged block, one after the other: the signers of its
// certificate first, who hold it, then the others, who may have it by now or say that they removed
// its messages.
func (b *Instance) fetchRepair(c *chain, r *repair) {
	var signers, others []int
	for i := range b.Group.N() {
		switch {
		case i == b.Self || r.pruned[i]:
		case r.proof != nil && r.proof.Signed(i):
			signers = append(signers, i)
		default:
			others = append(others, i)
		}
	}
	// Each height begins with another signer, so that a silent one does not delay them all.
	if len(signers) > 0 {
		first := (b.Self + int(r.height%uint64(len(signers)))) % len(signers)
		signers = append(signers[first:len(signers):len(signers)], signers[:first]...)
	}
	members := append(signers, others...) // never empty: at most f members removed the messages
	to := members[r.fetch.attempts%len(members)]
	if slot := c.slot(b, r.height); r.proof != nil {
		b.send(to, wire.GetBlock{Slot: slot, Block: r.id})
	} else {
		b.send(to, wire.GetCertified{From: slot})
	}
	r.fetch.after(b, to, b.Timing.Retry, b.Timing.Cap)
}

// repairWith writes a block that was fetched again over the damaged one, and delivers it if the
// application still waits for it. It reports whether the block was wanted for that. Only f+1
// members that removed the messages make this one give them up (R6).
func (b *Instance) repairWith(c *chain, from int, held wire.Held) bool {
	i := slices.IndexFunc(c.repairs, func(r *repair) bool { return r.height == held.Block.Header.Height && r.id == held.Block.ID() })
	if i < 0 {
		return false
	}
	r := c.repairs[i]
	proof := held.Certificate
	if proof == nil {
		proof = r.proof
	}
	if proof == nil {
		return true
	}
	if held.Block.Pruned() {
		if !r.pruned[from] {
			r.pruned[from] = true
			r.count++
			r.fetch.again(b)
		}
		if r.count <= b.Group.F() {
			return true
		}
	}
	c.repairs = slices.Delete(c.repairs, i, i+1)
	b.emit(Persist{Write: store.PutRepaired{Block: held.Block, Certificate: *proof}})
	if r.height == c.delivered+1 && c.redeliver.armed() {
		c.redeliver.stop()
		b.deliverNext(c, &store.Certified{Block: held.Block, Certificate: *proof})
	}
	return true
}

// fetchVoted asks the members in turn for the block of a vote that the store has lost. Those that
// voted for it hold it.
func (b *Instance) fetchVoted(c *chain) {
	if c.open != nil || b.Muted || b.Closed || c.barred() || b.Group.N() == 1 {
		c.fetchLost.stop()
		return
	}
	to := b.other(c.creator+c.fetchLost.attempts, b.Self)
	b.send(to, wire.GetBlock{Slot: c.slot(b, c.height+1), Block: c.lost.Block})
	c.fetchLost.after(b, to, b.Timing.Retry, b.Timing.Cap)
}

// findVoted makes the block of a lost vote durable again. The vote stands, so nothing is asked
// again: this member's block is signed and proposed as after any restart, and the stored echo is
// sent when the proposal arrives (R8).
func (b *Instance) findVoted(c *chain, held wire.Held) bool {
	if c.lost == nil || held.Certificate != nil || held.Block.Header.Height != c.height+1 || held.Block.ID() != c.lost.Block {
		return false
	}
	if c.open != nil || b.Muted || b.Closed || c.barred() {
		return true
	}
	own := c.creator == b.Self
	b.open(c, newHeldSlot(held.Block, c.lost.Block, resumed))
	b.emit(Persist{Write: c.putVote(held.Block)})
	if own {
		b.emit(SignProposal{Header: held.Block.Header})
	}
	return true
}

// putVote returns the write of a vote. It replaces the stored block if that is damaged: then the
// vote is for the same block (takenByLost).
func (c *chain) putVote(b block.Block) store.PutVote {
	again := c.lost != nil
	c.lost = nil
	c.fetchLost.stop()
	return store.PutVote{Block: b, Again: again}
}

// takenByLost reports whether this member has voted for another block in the open slot and lost
// that block.
func (c *chain) takenByLost(id block.ID) bool { return c.lost != nil && c.lost.Block != id }
