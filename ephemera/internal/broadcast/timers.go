package broadcast

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// retry is one timer of R7: doubling, capped and jittered. The zero value is not armed.
type retry struct {
	due      int64
	attempts int
}

// tipCaps times Timing.Cap is the longest wait before the tip's certificate is resent: usually a
// minute. A member that is online asks for what it lacks by its frontiers (R6). This resending is
// for a member that says nothing, and a certificate may be the last one for a long time.
const tipCaps = 12

func (r *retry) armed() bool { return r.due != 0 }

func (r *retry) stop() { *r = retry{} }

// at arms the timer for a first attempt.
func (r *retry) at(due int64) { *r = retry{due: max(due, 1)} }

// after arms the timer for the next attempt: after first, 2·first, 4·first … up to limit, plus or
// minus a quarter. The jitter is a hash of who waits for whom and how often, so the core needs no
// randomness and members do not resend in step.
func (r *retry) after(b *Instance, whom int, first, limit int64) {
	wait := limit
	if r.attempts < 20 {
		wait = min(limit, first<<r.attempts)
	}
	r.attempts++
	key := b.Group.Member(b.Self)
	seed := uint64(key[0])<<56 | uint64(key[1])<<48 | uint64(uint16(whom))<<32 | uint64(uint32(r.attempts))
	r.due = b.now + wait*3/4 + int64(mix(seed+uint64(b.now))%uint64(wait/2+1))
}

// turn arms the timer for the next attempt, which asks another one of some members. The backoff
// belongs to the member that is asked: the wait doubles once all of them have been asked.
func (r *retry) turn(b *Instance, whom, members int) {
	attempts, first := r.attempts, b.Timing.Retry
	if attempts > 0 { // the first answer may be slow, the first member is not silent for sure
		first = min(2*first, b.Timing.Cap)
	}
	r.attempts = attempts / max(members, 1)
	r.after(b, whom, first, b.Timing.Cap)
	r.attempts = attempts + 1
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Tick does what is due (R7).
func (b *Instance) Tick(now int64) {
	b.step(now)
	if b.halted {
		return
	}
	for _, c := range b.chains {
		b.tickChain(c)
		b.tickFork(c)
	}
	if b.walk.retry.armed() && b.walk.retry.due <= now {
		b.askTip()
	}
	for i := range b.Group.N() {
		if b.own != nil && b.own.resend[i].due != 0 && b.own.resend[i].due <= now {
			b.resendProposal(i)
		}
		if b.tip != nil && b.tip.resend[i].due != 0 && b.tip.resend[i].due <= now {
			b.send(i, wire.Certificate{Certificate: b.tip.proof})
			b.tip.resend[i].after(b, i, 4*b.Timing.Retry, tipCaps*b.Timing.Cap)
		}
	}
}

func (b *Instance) tickChain(c *chain) {
	due := func(r *retry) bool { return r.due != 0 && r.due <= b.now }
	if o := c.open; o != nil && due(&o.retry) {
		switch o.state {
		case postponed:
			b.letIn(c)
		case waiting:
			b.askApplication(c)
		default:
			b.fetchBodies(c, o)
		}
	}
	if c.proof != nil && due(&c.fetch) {
		b.fetchBlock(c)
	}
	if due(&c.pull) {
		b.pullChain(c)
	}
	if c.lost != nil && due(&c.fetchLost) {
		b.fetchVoted(c)
	}
	for _, r := range c.repairs {
		if due(&r.fetch) {
			b.fetchRepair(c, r)
		}
	}
	if due(&c.redeliver) {
		c.redeliver.due = 0 // keeps counting the attempts
		b.deliverNext(c, nil)
	}
}

// Connected restarts the timers for a member that was away.
func (b *Instance) Connected(now int64, peer int) {
	b.step(now)
	if b.own != nil && !b.Closed && !b.own.done[peer] && peer != b.Self {
		b.own.resend[peer].at(now)
	}
	if b.tip != nil && b.chains[b.Self].claimed(peer) < b.tip.height && peer != b.Self {
		b.tip.resend[peer].at(now)
	}
}

// Deadline returns when Tick has something to do, or 0 for never.
func (b *Instance) Deadline() int64 {
	if !b.deadlineKnown {
		b.deadline, b.deadlineKnown = b.nextDue(), true
	}
	return b.deadline
}

// nextDue returns the earliest time of all timers, or 0 if none is armed.
func (b *Instance) nextDue() int64 {
	earliest := b.walk.retry.due
	consider := func(r *retry) {
		if r.due != 0 && (earliest == 0 || r.due < earliest) {
			earliest = r.due
		}
	}
	for _, c := range b.chains {
		if c.open != nil {
			consider(&c.open.retry)
		}
		if c.proof != nil {
			consider(&c.fetch)
		}
		consider(&c.pull)
		consider(&c.redeliver)
		consider(&c.fetchLost)
		consider(&c.inquiry)
		for i := 0; c.stop != nil && i < len(c.stop.heard); i++ {
			consider(&c.stop.heard[i].tell)
		}
		for _, r := range c.repairs {
			consider(&r.fetch)
		}
	}
	if own := b.chains[b.Self]; !b.withinRate(own) {
		consider(&retry{due: own.bucket.due(b.rate(own))})
	}
	for i := range b.Group.N() {
		if b.own != nil {
			consider(&b.own.resend[i])
		}
		if b.tip != nil {
			consider(&b.tip.resend[i])
		}
	}
	return earliest
}
