package broadcast

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// fetchBodies asks for missing messages: the creator first, then every second time another member
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
	o.retry.after(b, to, b.Timing.Retry, b.Timing.Cap)
}

// fetchBlock asks the signers of a certificate in turn for its block (R5): at least f+1 of them are
// correct and hold it.
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
	first := b.Self + int(c.proof.Slot.Height%uint64(len(signers))) // another one at every height: no silent one delays them all
	to := signers[(first+c.fetch.attempts)%len(signers)]
	b.send(to, wire.GetBlock{Slot: c.proof.Slot, Block: c.proof.Block})
	c.fetch.after(b, to, b.Timing.Retry, b.Timing.Cap)
}

// other returns a member that is neither this one nor the one to avoid, counting from a place; in a
// group of two the other one.
func (b *Instance) other(start, avoid int) int {
	n := b.Group.N()
	for k := range n {
		if i := (start + k) % n; i != b.Self && i != avoid {
			return i
		}
	}
	return avoid
}

// Claims takes a member's word on how far it has each chain (R6), by the creator's place. It can
// make this member ask, and nothing else. The slice must not change any more.
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

func (b *Instance) claim(c *chain, from int, height uint64) {
	if height > c.claimed(from) {
		if c.claims == nil {
			c.claims = make([]uint64, b.Group.N())
		}
		c.claims[from] = height
	}
	if c.creator == b.Self && b.tip != nil && c.claimed(from) >= b.tip.height {
		resend := &b.tip.resend[from]
		b.deadlineKnown = b.deadlineKnown && (!resend.armed() || resend.due != b.deadline)
		resend.stop()
	}
	if height <= c.height || c.pull.armed() {
		return
	}
	if height == c.height+1 { // its certificate is probably on its way
		c.pull.at(b.now + b.Timing.Retry)
	} else {
		c.pull.at(b.now)
	}
	if b.deadline == 0 || c.pull.due < b.deadline { // in a large group nobody looks at every timer for a frontier
		b.deadline = c.pull.due
	}
}

// claimed returns the highest certified height that a member says it has.
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
	c.pull.after(b, to, b.Timing.Retry, b.Timing.Cap)
	if c.pull.attempts > 3*len(ahead) { // nobody who claims more shows it
		for _, i := range ahead {
			c.claims[i] = c.height
			b.lastClaims[i] = nil // its next word counts again
		}
	}
}

// turn returns whom of some members to ask for a chain: the one that answered in full again, else
// the next in the order of places, so that one that is silent, or lets little through, costs one
// turn. Chains begin with different members, who share the work.
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

// answeredInFull tells whether as much came as fits an answer, as far as one can tell: a server
// leaves out what would make it larger than wire.BatchBytes, so of smaller blocks at least half of
// that comes.
func (c *chain) answeredInFull() bool {
	return c.height >= c.lastPull.from+wire.MaxBlocks || c.lastPull.bytes >= wire.BatchBytes/2
}

// pullMore goes on with a chain that a member's blocks moved up. Without progress the timer stays,
// and so it does for blocks of others while an answer is under way, so that nobody makes this
// member ask as fast as it sends.
func (b *Instance) pullMore(c *chain, from int) {
	if from == c.lastPull.member {
		c.lastPull.waiting = false
	}
	switch {
	case c.highestClaim() <= c.height:
		c.pull.stop()
	case c.claimed(from) > c.height && !c.lastPull.waiting:
		c.pull.at(b.now)
	}
}

func (c *chain) highestClaim() uint64 {
	highest := uint64(0)
	for _, height := range c.claims {
		highest = max(highest, height)
	}
	return highest
}
