package broadcast

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

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
