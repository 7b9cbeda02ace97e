package broadcast

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// prunedClaims is a certified block whose messages some members say that they removed (R6). Its
// header and certificate are verified; the rest is what those members claim.
type prunedClaims struct {
	header block.SignedHeader
	proof  certificate.Certificate
	by     []bool // by the member's place
	count  int
}

// maxPrunedAhead bounds, for each chain, how far above the certified height such claims are kept.
const maxPrunedAhead = wire.MaxBlocks

// notePruned handles a member's claim that it has removed the messages of a certified block. The
// block counts as certified without its messages once f+1 members say so: one of them is correct,
// so the messages were there for as long as the retention promises. A member that holds the
// messages needs no such claim. It returns the chain's certified height.
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
	if r.by[from] {
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

// askAnotherNow asks another member at once. Each member has one claim per block, so no member can
// make this one send requests as fast as it answers.
func (b *Instance) askAnotherNow(c *chain) {
	if c.proof != nil {
		c.fetch.again(b)
	} else if c.pull.armed() {
		c.pull.again(b)
	}
}

// acceptPruned advances a chain over blocks whose messages f+1 members removed.
func (b *Instance) acceptPruned(c *chain) {
	for !b.halted && c.stop == nil && c.suspect == nil {
		r := c.pruned[c.height+1]
		if r == nil {
			return
		}
		blk := block.Block{SignedHeader: r.header}
		if o := c.open; o != nil && o.id == r.proof.Block && b.whole(c) {
			blk = o.block()
		} else if r.count <= b.Group.F() {
			return
		}
		if !b.knowsOwnEcho(c, r.proof) {
			return
		}
		b.certified(c, blk, r.proof)
	}
}

// claimsPruned reports whether a member said that it removed the messages at this height.
func (c *chain) claimsPruned(height uint64, member int) bool {
	r := c.pruned[height]
	return r != nil && r.by[member]
}

// askable returns the members that have not removed the messages of the next block, or all of them
// if every one has.
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
