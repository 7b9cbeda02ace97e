package broadcast

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// fetchBodies asks for missing messages: the creator first, then every second time another member
// (R2).
func (s *Instance) fetchBodies(c *chain, o *slot) {
	to := c.creator
	if k := o.retry.attempts; k%2 == 1 {
		to = s.other(c.creator+1+k/2, c.creator)
	}
	ids := make([]block.MessageID, 0, min(o.missing, wire.MaxListings))
	for i, id := range o.ids {
		if !o.have[i] && len(ids) < wire.MaxListings {
			ids = append(ids, id)
		}
	}
	s.send(to, wire.GetMessages{IDs: ids})
	o.requested = len(ids)
	o.retry.after(s, to, s.Timing.Retry, s.Timing.Cap)
}

// fetchBlock asks the signers of a certificate in turn for its block (R5): at least f+1 of them are
// correct and hold it.
func (s *Instance) fetchBlock(c *chain) {
	signers := make([]int, 0, c.proof.Count())
	for i := range s.Group.N() {
		if i != s.Self && c.proof.Signed(i) {
			signers = append(signers, i)
		}
	}
	if len(signers) == 0 {
		c.fetch.stop()
		return
	}
	signers = c.askable(signers)
	first := s.Self + int(c.proof.Slot.Height%uint64(len(signers))) // another one at every height: no silent one delays them all
	to := signers[(first+c.fetch.attempts)%len(signers)]
	s.send(to, wire.GetBlock{Slot: c.proof.Slot, Block: c.proof.Block})
	c.fetch.after(s, to, s.Timing.Retry, s.Timing.Cap)
}

// other returns a member that is neither this one nor the one to avoid, counting from a place; in a
// group of two the other one.
func (s *Instance) other(start, avoid int) int {
	n := s.Group.N()
	for k := range n {
		if i := (start + k) % n; i != s.Self && i != avoid {
			return i
		}
	}
	return avoid
}

// Claims takes a member's word on how far it has each chain (R6), by the creator's place. It can
// make this member ask, and nothing else. The slice must not change any more.
func (s *Instance) Claims(now int64, from int, heights []uint64) {
	s.now = now
	if slices.Equal(heights, s.heard[from]) {
		return
	}
	s.heard[from] = heights
	for creator, height := range heights {
		if height > 0 {
			s.claim(s.chains[creator], from, height)
		}
	}
}

func (s *Instance) claim(c *chain, from int, height uint64) {
	if height > c.claimed(from) {
		if c.claims == nil {
			c.claims = make([]uint64, s.Group.N())
		}
		c.claims[from] = height
	}
	if c.creator == s.Self && s.tip != nil && c.claimed(from) >= s.tip.height {
		resend := &s.tip.resend[from]
		s.planned = s.planned && (!resend.armed() || resend.due != s.deadline)
		resend.stop()
	}
	if height <= c.height || c.pull.armed() {
		return
	}
	if height == c.height+1 { // its certificate is probably on its way
		c.pull.at(s.now + s.Timing.Retry)
	} else {
		c.pull.at(s.now)
	}
	if s.deadline == 0 || c.pull.due < s.deadline { // in a large group nobody looks at every timer for a frontier
		s.deadline = c.pull.due
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
func (s *Instance) pullChain(c *chain) {
	ahead := make([]int, 0, len(c.claims))
	for i, height := range c.claims {
		if i != s.Self && height > c.height {
			ahead = append(ahead, i)
		}
	}
	if len(ahead) == 0 {
		c.pull.stop()
		return
	}
	to := s.turn(c, c.askable(ahead))
	c.asked = asked{member: to, ever: true, waiting: true, from: c.height}
	s.send(to, wire.GetCertified{From: c.slot(s, c.height+1)})
	c.pull.after(s, to, s.Timing.Retry, s.Timing.Cap)
	if c.pull.attempts > 3*len(ahead) { // nobody who claims more shows it
		for _, i := range ahead {
			c.claims[i] = c.height
			s.heard[i] = nil // its next word counts again
		}
	}
}

// turn returns whom of some members to ask for a chain: the one that answered in full again, else
// the next in the order of places, so that one that is silent, or lets little through, costs one
// turn. Chains begin with different members, who share the work.
func (s *Instance) turn(c *chain, members []int) int {
	if !c.asked.ever {
		others := c.creator // its place among the others
		if others > s.Self {
			others--
		}
		return members[(s.Self+others)%len(members)]
	}
	next := c.asked.member
	if c.asked.waiting || !c.answeredInFull() {
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
	return c.height >= c.asked.from+wire.MaxBlocks || c.asked.bytes >= wire.BatchBytes/2
}

// pullMore goes on with a chain that a member's blocks moved up. Without progress the timer stays,
// and so it does for blocks of others while an answer is under way, so that nobody makes this
// member ask as fast as it sends.
func (s *Instance) pullMore(c *chain, from int) {
	if from == c.asked.member {
		c.asked.waiting = false
	}
	switch {
	case c.highestClaim() <= c.height:
		c.pull.stop()
	case c.claimed(from) > c.height && !c.asked.waiting:
		c.pull.at(s.now)
	}
}

func (c *chain) highestClaim() uint64 {
	highest := uint64(0)
	for _, height := range c.claims {
		highest = max(highest, height)
	}
	return highest
}
