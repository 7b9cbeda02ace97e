package broadcast

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// fetchBodies asks for missing messages: the creator first, then another member every second time
// (R2).
func (b *Instance) fetchBodies(c *chain, o *slot) {
	to := c.creator
	if k := o.retry.attempts; k%2 == 1 {
		to = b.other(c.creator+1+k/2, c.creator)
	}
	ids := make([]block.MessageID, 0, min(o.missing, wire.MaxListings))
	for i, id := range o.ids {
		if !o.have[i] && len(ids) < wire.MaxListings {
			ids = append(ids, id)
		}
	}
	b.send(to, wire.GetMessages{IDs: ids})
	o.requested = len(ids)
	o.retry.after(b, to, b.AnswerTime(), b.longest())
}

// fetchBlock asks the signers of a certificate for its block, one after the other (R5). At least
// f+1 of them are correct and hold it.
func (b *Instance) fetchBlock(c *chain) {
	signers := make([]int, 0, c.proof.Count())
	for i := range b.Group.N() {
		if i != b.Self && c.proof.Signed(i) {
			signers = append(signers, i)
		}
	}
	if len(signers) == 0 {
		c.fetch.stop()
		return
	}
	signers = c.askable(signers)
	// Each height begins with another signer, so that the work is shared.
	first := b.Self + int(c.proof.Slot.Height%uint64(len(signers)))
	to := b.leastOwing(signers, first+c.fetch.attempts)
	b.owed[to]++
	b.send(to, wire.GetBlock{Slot: c.proof.Slot, Block: c.proof.Block})
	c.fetch.turn(b, to, len(signers))
}

// leastOwing returns the member that left the fewest requests for blocks unanswered, the first of
// several from a place in the list on. So each silent member delays the fetches of a while once.
func (b *Instance) leastOwing(members []int, first int) int {
	best := members[first%len(members)]
	for k := range members {
		if i := members[(first+k)%len(members)]; b.owed[i] < b.owed[best] {
			best = i
		}
	}
	return best
}

// other returns the first member, counting from a place, that is neither this one nor the one to
// avoid. In a group of two it returns the one to avoid.
func (b *Instance) other(start, avoid int) int {
	n := b.Group.N()
	for k := range n {
		if i := (start + k) % n; i != b.Self && i != avoid {
			return i
		}
	}
	return avoid
}

// Claims handles what a member says about its certified heights (R6), by the creator's place. A
// claim can make this member ask, and nothing else. The slice must not change afterwards.
func (b *Instance) Claims(now int64, from int, heights []uint64) {
	b.now = now
	if slices.Equal(heights, b.lastClaims[from]) {
		return
	}
	b.lastClaims[from] = heights
	for creator, height := range heights {
		if height > 0 {
			b.claim(b.chains[creator], from, height)
		}
	}
}

// claim notes that a member claims a certified height of a chain.
func (b *Instance) claim(c *chain, from int, height uint64) {
	if height > c.claimed(from) {
		if c.claims == nil {
			c.claims = make([]uint64, b.Group.N())
		}
		c.claims[from] = height
	}
	if c.creator == b.Self && b.tip != nil && c.claimed(from) >= b.tip.height {
		b.tip.resend[from].stop()
	}
	if height <= c.height || c.pull.armed() || c.stop != nil {
		return
	}
	if height == c.height+1 { // its certificate is probably on its way
		c.pull.at(b, b.now+b.AnswerTime())
	} else {
		c.pull.at(b, b.now)
	}
}

// claimed returns the highest certified height that a member claims.
func (c *chain) claimed(member int) uint64 {
	if c.claims == nil {
		return 0
	}
	return c.claims[member]
}

// pullChain asks one of the members that claim more than this one has (R6).
func (b *Instance) pullChain(c *chain) {
	ahead := make([]int, 0, len(c.claims))
	for i, height := range c.claims {
		if i != b.Self && height > c.height {
			ahead = append(ahead, i)
		}
	}
	if len(ahead) == 0 {
		c.pull.stop()
		return
	}
	to := b.nextToAsk(c, c.askable(ahead))
	c.lastPull = lastPull{member: to, sent: true, waiting: true, from: c.height}
	b.send(to, wire.GetCertified{From: c.slot(b, c.height+1)})
	c.pull.turn(b, to, len(ahead))
	if c.pull.attempts > 3*len(ahead) {
		for _, i := range ahead {
			// Nobody has shown what it claims, so this claim is forgotten until it is made again.
			c.claims[i] = c.height
			b.lastClaims[i] = nil
		}
	}
}

// nextToAsk returns which of some members to ask for a chain: the one that was asked last if it
// answered in full, else the next in the order of places. So a member that is silent, or sends
// little, costs one turn. Different chains begin with different members, who share the work.
func (b *Instance) nextToAsk(c *chain, members []int) int {
	if !c.lastPull.sent {
		others := c.creator // its place among the others
		if others > b.Self {
			others--
		}
		return members[(b.Self+others)%len(members)]
	}
	next := c.lastPull.member
	if c.lastPull.waiting || !c.answeredInFull() {
		next++
	}
	for _, i := range members {
		if i >= next {
			return i
		}
	}
	return members[0]
}

// answeredInFull reports whether the last answer was as large as an answer gets, as far as that can
// be known. A server leaves out a block that would make the answer larger than wire.BatchBytes, so
// with smaller blocks at least half of that arrives.
func (c *chain) answeredInFull() bool {
	return c.height >= c.lastPull.from+wire.MaxBlocks || c.lastPull.bytes >= wire.BatchBytes/2
}

// pullMore continues with a chain that a member's blocks advanced. It leaves the timer alone if
// there was no progress, and for blocks of other members while an answer is awaited. So no member
// can make this one send requests as fast as it sends blocks.
func (b *Instance) pullMore(c *chain, from int) {
	if from == c.lastPull.member {
		c.lastPull.waiting = false
	}
	switch {
	case c.highestClaim() <= c.height:
		c.pull.stop()
	case c.claimed(from) > c.height && !c.lastPull.waiting:
		c.pull.at(b, b.now)
	}
}

func (c *chain) highestClaim() uint64 {
	highest := uint64(0)
	for _, height := range c.claims {
		highest = max(highest, height)
	}
	return highest
}
