package broadcast

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// removed is a certified block whose messages members say that they removed (R6): its header and
// certificate are verified, the rest is their word.
type prunedClaims struct {
	header block.SignedHeader
	proof  certificate.Certificate
	by     []bool // the members' places
	count  int
}

// maxRemoved bounds how far above the certified height such words are kept, for each chain.
const maxPrunedAhead = wire.MaxBlocks

// takeRemoved takes a member's word that it has removed the messages of a certified block. The
// block counts as certified, without its messages, once f+1 members say so: one of them is correct,
// and the messages were there for as long as the retention promises. Who holds the messages all the
// same needs nobody's word. It returns the chain's certified height.
func (b *Instance) notePruned(c *chain, from int, held wire.Held) uint64 {
	height := held.Block.Header.Height
	if height <= c.height || height > c.height+maxPrunedAhead {
		return c.height
	}
	r := c.pruned[height]
	if r == nil {
		r = &prunedClaims{header: held.Block.SignedHeader, proof: *held.Certificate, by: make([]bool, b.Group.N())}
		if c.pruned == nil {
			c.pruned = make(map[uint64]*prunedClaims)
		}
		c.pruned[height] = r
	}
	if r.by[from] || r.proof.Block != held.Certificate.Block { // two certificates for one slot: more than f are Byzantine
		return c.height
	}
	r.by[from] = true
	r.count++
	b.acceptPruned(c)
	if height == c.height+1 {
		b.askAnotherNow(c)
	}
	return c.height
}

// askNextSoon asks another member at once: each one has one such word, so nobody makes this member
// ask as fast as it answers.
func (b *Instance) askAnotherNow(c *chain) {
	if c.proof != nil {
		c.fetch.due = b.now
	} else if c.pull.armed() {
		c.pull.due = b.now
	}
}

// settleRemoved moves a chain up over blocks whose messages f+1 members removed.
func (b *Instance) acceptPruned(c *chain) {
	for !b.halted {
		r := c.pruned[c.height+1]
		if r == nil {
			return
		}
		blk := block.Block{SignedHeader: r.header}
		if o := c.open; o != nil && o.id == r.proof.Block && o.missing == 0 {
			blk = o.block()
		} else if r.count <= b.Group.F() {
			return
		}
		if b.knowsOwnEcho(c, r.proof) {
			b.certified(c, blk, r.proof)
		}
	}
}

// hasRemoved tells whether a member said that it removed the messages of the next block.
func (c *chain) claimsPruned(height uint64, member int) bool {
	r := c.pruned[height]
	return r != nil && r.by[member]
}

// askable leaves out the members that removed what is asked for, unless all have.
func (c *chain) askable(members []int) []int {
	kept := make([]int, 0, len(members))
	for _, i := range members {
		if !c.claimsPruned(c.height+1, i) {
			kept = append(kept, i)
		}
	}
	if len(kept) == 0 {
		return members
	}
	return kept
}
