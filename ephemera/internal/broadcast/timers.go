package broadcast

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// retry is one timer of R7: capped, doubling, jittered. The zero value is not armed.
type retry struct {
	due      int64
	attempts int
}

// patientCaps is how many times the cap the tip's certificate waits at most between two attempts, a
// minute as a rule. The frontiers (R6) of a member that is there ask for what it lacks; this
// resending is for one that says nothing, and a certificate may be the last one for long.
const patientCaps = 12

func (r *retry) armed() bool { return r.due != 0 }

func (r *retry) stop() { *r = retry{} }

// at arms the timer for a first attempt.
func (r *retry) at(due int64) { *r = retry{due: max(due, 1)} }

// after arms the timer for the next attempt: first, 2·first, 4·first … up to limit, give or take a
// quarter. The jitter is a hash of who waits for whom and how often, so that the core needs no
// randomness and members do not resend in step.
func (r *retry) after(s *Instance, whom int, first, limit int64) {
	wait := limit
	if r.attempts < 20 {
		wait = min(limit, first<<r.attempts)
	}
	r.attempts++
	key := s.Group.Member(s.Self)
	seed := uint64(key[0])<<56 | uint64(key[1])<<48 | uint64(uint16(whom))<<32 | uint64(uint32(r.attempts))
	r.due = s.now + wait*3/4 + int64(mix(seed+uint64(s.now))%uint64(wait/2+1))
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Tick does what is due (R7).
func (s *Instance) Tick(now int64) {
	s.step(now)
	if s.halted {
		return
	}
	for _, c := range s.chains {
		s.tickChain(c)
	}
	for i := range s.Group.N() {
		if s.own != nil && s.own.resend[i].due != 0 && s.own.resend[i].due <= now {
			s.resendProposal(i)
		}
		if s.tip != nil && s.tip.resend[i].due != 0 && s.tip.resend[i].due <= now {
			s.send(i, wire.Certificate{Certificate: s.tip.proof})
			s.tip.resend[i].after(s, i, 4*s.Timing.Retry, patientCaps*s.Timing.Cap)
		}
	}
}

func (s *Instance) tickChain(c *chain) {
	due := func(r *retry) bool { return r.due != 0 && r.due <= s.now }
	if o := c.open; o != nil && due(&o.retry) {
		if o.state == waiting {
			s.ask(c)
		} else {
			s.fetchBodies(c, o)
		}
	}
	if c.proof != nil && due(&c.fetch) {
		s.fetchBlock(c)
	}
	if due(&c.pull) {
		s.pullChain(c)
	}
	if due(&c.redeliver) {
		c.redeliver.due = 0 // the attempts count on
		s.deliverNext(c, nil)
	}
}

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

// Connected restarts the timers of what a member has not answered, for it was away.
func (s *Instance) Connected(now int64, peer int) {
	s.step(now)
	if s.own != nil && !s.Closed && !s.own.done[peer] && peer != s.Self {
		s.own.resend[peer].at(now)
	}
	if s.tip != nil && s.chains[s.Self].claimed(peer) < s.tip.height && peer != s.Self {
		s.tip.resend[peer].at(now)
	}
}

// Deadline returns when Tick has something to do, 0 for never.
func (s *Instance) Deadline() int64 {
	if !s.planned {
		s.deadline, s.planned = s.nextDue(), true
	}
	return s.deadline
}

// nextDue looks at every timer.
func (s *Instance) nextDue() int64 {
	earliest := int64(0)
	consider := func(r *retry) {
		if r.due != 0 && (earliest == 0 || r.due < earliest) {
			earliest = r.due
		}
	}
	for _, c := range s.chains {
		if c.open != nil {
			consider(&c.open.retry)
		}
		if c.proof != nil {
			consider(&c.fetch)
		}
		consider(&c.pull)
		consider(&c.redeliver)
	}
	for i := range s.Group.N() {
		if s.own != nil {
			consider(&s.own.resend[i])
		}
		if s.tip != nil {
			consider(&s.tip.resend[i])
		}
	}
	return earliest
}
