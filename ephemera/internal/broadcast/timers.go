package broadcast

import (
	"container/heap"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// retry is one timer of R7: doubling, capped and jittered. The zero value is not armed.
type retry struct {
	due      int64
	attempts int
}

// tipCaps times Timing.Cap is the longest wait before the tip's certificate is resent: usually a
// minute, and more in a large group, where silent members cost each creator more. A member that is
// online asks for what it lacks by its frontiers (R6). This resending is for a member that says
// nothing, and a certificate may be the last one for a long time.
const tipCaps = 12

// tipRetries times Timing.Retry is the first wait before the tip's certificate is resent: longer
// than a frontier that changes is held back (R6).
const tipRetries = 15

func (r *retry) armed() bool { return r.due != 0 }

func (r *retry) stop() { *r = retry{} }

func stopAll(timers []retry) {
	for i := range timers {
		timers[i].stop()
	}
}

// at arms the timer for a first attempt.
func (r *retry) at(b *Instance, due int64) {
	r.attempts = 0
	b.timers.arm(r, max(due, 1))
}

// again arms the timer for the next attempt, which is due at once.
func (r *retry) again(b *Instance) { b.timers.arm(r, b.now) }

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
	b.timers.arm(r, b.now+wait*3/4+int64(mix(seed+uint64(b.now))%uint64(wait/2+1)))
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

// echoTimes estimates how long members take to echo a proposal, in milliseconds, as RFC 6298
// estimates round trips. Busy members take long, and resending would make them busier.
type echoTimes struct {
	mean, deviation int64
	known           bool
}

// add adds the time from a proposal, when it was sent first, to an echo of it.
func (e *echoTimes) add(passed int64) {
	if !e.known {
		*e = echoTimes{mean: passed, deviation: passed / 2, known: true}
		return
	}
	off := max(passed-e.mean, e.mean-passed)
	e.deviation += (off - e.deviation) / 4
	e.mean += (passed - e.mean) / 8
}

// AnswerTime returns for how long to wait for an answer of a member, busy as it may be. Before
// anything is known of that, it assumes that all n members propose at once, each to n members.
func (b *Instance) AnswerTime() int64 {
	if n := b.Group.N(); !b.echoTimes.known {
		return min(ForSize(ForSize(b.Timing.Retry, n), n), b.longest())
	}
	return min(max(b.echoTimes.mean+4*b.echoTimes.deviation, b.Timing.Retry), b.longest())
}

// longest returns the longest wait for an answer.
func (b *Instance) longest() int64 { return ForSize(b.Timing.Cap, b.Group.N()) }

// awaitTip arms the timer after which the tip's certificate is sent to a member again. Frontiers
// nearly always show sooner that it arrived.
func (b *Instance) awaitTip(member int) {
	n := b.Group.N()
	b.tip.resend[member].after(b, member, ForSize(tipRetries*b.Timing.Retry, n), ForSize(tipCaps*b.Timing.Cap, n))
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
	if b.halted || !b.timers.pass(now) {
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
			b.awaitTip(i)
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
		b.own.resend[peer].at(b, now)
	}
	if b.tip != nil && b.chains[b.Self].claimed(peer) < b.tip.height && peer != b.Self {
		b.tip.resend[peer].at(b, now)
	}
}

// Deadline returns when Tick has something to do, or 0 for never.
func (b *Instance) Deadline() int64 {
	due := b.timers.next()
	if own := b.chains[b.Self]; !b.withinRate(own) {
		if at := own.bucket.due(b.rate(own)); due == 0 || at < due {
			due = at
		}
	}
	return due
}

// timers holds when the timers of an instance are due, in a heap. A timer that is stopped, armed
// again or dropped leaves its entry there: at its time, nothing happens.
type timers struct {
	heap dueHeap
	most int // entries before those of stopped timers are removed
}

// dueEntry is one arming of a timer. It counts while the timer has not been armed again.
type dueEntry struct {
	due   int64
	timer *retry
}

func (e dueEntry) counts() bool { return e.timer.due == e.due }

func (t *timers) arm(r *retry, due int64) {
	r.due = due
	if len(t.heap) >= t.most {
		t.heap = slices.DeleteFunc(t.heap, func(e dueEntry) bool { return !e.counts() })
		heap.Init(&t.heap)
		t.most = 2*len(t.heap) + fewTimers
	}
	heap.Push(&t.heap, dueEntry{due, r})
}

// fewTimers is how many entries the heap may have in any case.
const fewTimers = 64

// next returns when the first timer is due, or 0 if none is armed.
func (t *timers) next() int64 {
	for len(t.heap) > 0 && !t.heap[0].counts() {
		heap.Pop(&t.heap)
	}
	if len(t.heap) == 0 {
		return 0
	}
	return t.heap[0].due
}

// pass removes the entries of timers that are due, whose instance looks at all of them now. It
// reports whether there were any.
func (t *timers) pass(now int64) (some bool) {
	for due := t.next(); due != 0 && due <= now; due = t.next() {
		heap.Pop(&t.heap)
		some = true
	}
	return some
}

// dueHeap implements heap.Interface.
type dueHeap []dueEntry

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(entry any)    { *h = append(*h, entry.(dueEntry)) }

func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	entry := (*h)[last]
	(*h)[last] = dueEntry{} // the timer may be dropped
	*h = (*h)[:last]
	return entry
}
