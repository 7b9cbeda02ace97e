package admission

import (
	"math"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// FrameBytes is what each frame costs in addition to its bytes.
const FrameBytes = 512

// bucket is a token bucket. Tokens are counted in thousandths, so that a bucket refills by rate
// thousandths in a millisecond.
type bucket struct {
	rate, burst int64 // tokens per second, tokens
	left        int64 // thousandths; negative: debt
	at          int64 // when left was computed, in milliseconds
}

func bucketOf(perSecond, burst int) bucket {
	return bucket{rate: int64(perSecond), burst: int64(burst), left: 1000 * int64(burst)}
}

// unlimited is a bucket for what is not counted.
var unlimited = bucket{rate: 1 << 40, burst: 1 << 40, left: 1000 << 40}

func (b *bucket) refill(now int64) {
	missing := 1000*b.burst - b.left
	if passed := now - b.at; passed > 0 && missing > 0 {
		if passed >= missing/max(b.rate, 1)+1 {
			b.left = 1000 * b.burst
		} else {
			b.left += passed * b.rate
		}
	}
	b.at = max(b.at, now)
}

func (b *bucket) take(now int64, tokens int) {
	b.refill(now)
	b.left = max(b.left-1000*int64(tokens), math.MinInt64/2)
}

// wait returns after how many milliseconds the bucket has no debt.
func (b *bucket) wait(now int64) int64 {
	b.refill(now)
	if b.left >= 0 {
		return 0
	}
	return (-b.left + b.rate - 1) / max(b.rate, 1)
}

func (b *bucket) full(now int64) bool {
	b.refill(now)
	return b.left >= 1000*b.burst
}

// account is what one peer or sender may still cause, and what it was asked for.
type account struct {
	checks, bytes bucket // of its frames
	served        bucket // bytes of answers to it
	asked, before credit // of this window and of the one before
	window        int64  // when this window began
	waited        int64  // milliseconds of waiting that no offence was counted for yet
}

// credit is what a peer may send because it was asked: frames with blocks, proofs of equivocation
// and descriptions of groups, and messages.
type credit struct{ blocks, proofs, messages int }

// Bounds on credits. An answer that arrives more than two windows after the request is not free.
const (
	creditWindow   = 30_000 // milliseconds
	creditFrames   = 4096   // with blocks, and as many with proofs
	creditMessages = 1 << 16
)

// turn begins a new window if it is time.
func (a *account) turn(now int64) {
	switch passed := now - a.window; {
	case passed >= 2*creditWindow:
		a.asked, a.before, a.window = credit{}, credit{}, now
	case passed >= creditWindow:
		a.asked, a.before, a.window = credit{}, a.asked, now
	}
}

func (a *account) ask(now int64, c credit) {
	a.turn(now)
	a.asked.blocks = min(a.asked.blocks+c.blocks, creditFrames)
	a.asked.proofs = min(a.asked.proofs+c.proofs, creditFrames)
	a.asked.messages = min(a.asked.messages+c.messages, creditMessages)
}

// answers uses up credit for a frame, and reports whether there was enough: whether the frame is an
// answer that this node asked for.
func (a *account) answers(now int64, frame wire.Frame) bool {
	a.turn(now)
	switch f := frame.(type) {
	case wire.Blocks:
		return spend(&a.before.blocks, &a.asked.blocks, 1)
	case wire.Evidence, wire.Description:
		return spend(&a.before.proofs, &a.asked.proofs, 1)
	case wire.Messages:
		return spend(&a.before.messages, &a.asked.messages, len(f.Messages))
	}
	return false
}

func spend(first, second *int, count int) bool {
	if *first+*second < count {
		return false
	}
	old := min(*first, count)
	*first -= old
	*second -= count - old
	return true
}

// wait returns for how many milliseconds the account has debt for its own frames.
func (a *account) wait(now int64) int64 { return max(a.checks.wait(now), a.bytes.wait(now)) }

// idle reports whether the account is like a new one.
func (a *account) idle(now int64) bool {
	a.turn(now)
	return a.checks.full(now) && a.bytes.full(now) && a.served.full(now) && a.asked == credit{} && a.before == credit{}
}

// accounts holds an account for each key, up to a bound. Keys beyond it share one.
type accounts struct {
	fresh  account
	byKey  map[keys.Public]*account
	others *account
	swept  int64
}

// maxAccounts bounds the accounts of peers, and those of senders.
const maxAccounts = 4096

func newAccounts(checks, bytes, served bucket) accounts {
	fresh := account{checks: checks, bytes: bytes, served: served}
	others := fresh
	return accounts{fresh: fresh, byKey: map[keys.Public]*account{}, others: &others}
}

func (s *accounts) of(now int64, key keys.Public) *account {
	if a := s.byKey[key]; a != nil {
		return a
	}
	if len(s.byKey) >= maxAccounts {
		s.sweep(now)
	}
	if len(s.byKey) >= maxAccounts {
		return s.others
	}
	a := s.fresh
	a.checks.at, a.bytes.at, a.served.at, a.window = now, now, now, now
	s.byKey[key] = &a
	return &a
}

// indebted reports whether a key has debt. It makes no account.
func (s *accounts) indebted(now int64, key keys.Public) bool {
	a := s.byKey[key]
	return a != nil && a.wait(now) > 0
}

// sweep forgets idle accounts, at most once a second.
func (s *accounts) sweep(now int64) {
	if now-s.swept < 1000 {
		return
	}
	s.swept = now
	for key, a := range s.byKey {
		if a.idle(now) {
			delete(s.byKey, key)
		}
	}
}

// Ready returns for how many milliseconds a peer's next frame has to wait, because its last frames
// or the answers to them cost more than its budget.
func (a *Admission) Ready(now int64, peer keys.Public) (wait int64) {
	p := a.peers.of(now, peer)
	return max(p.wait(now), p.served.wait(now))
}

// Overdrawn reports whether a peer's own frames cost more than its budget. Its gossip is dropped
// then: nobody can wait for it without delaying the gossip of others.
func (a *Admission) Overdrawn(now int64, peer keys.Public) bool {
	return a.peers.of(now, peer).wait(now) > 0
}

// MaxWait returns Limits.Wait.
func (a *Admission) MaxWait() int64 { return a.limits.Wait }

// Waited counts the time for which a frame had to wait, once it has. It reports whether that is an
// offence: one for each second. Waiting for answers is none, because a member that catches up asks
// for as much as it gets.
func (a *Admission) Waited(peer keys.Public, milliseconds int64, overdrawn bool) (offence bool) {
	p := a.peers.byKey[peer]
	if p == nil || !overdrawn {
		return false
	}
	if p.waited += milliseconds; p.waited < 1000 {
		return false
	}
	p.waited = min(p.waited-1000, 1000)
	return true
}

// Cost is what a frame has cost.
type Cost struct {
	Checks int  // signatures that were checked
	Valid  bool // the frame was verified, or nothing in it had to be
}

// Settle charges for a frame. An answer to a request is free. The sender of a valid message that is
// new here pays for its gossip, and not the peer that forwarded it. That peer pays for everything
// else: bad signatures, frames that nobody asked for, and what was there already. A certificate
// that was verified is held until its block is certified here.
func (a *Admission) Settle(now int64, in Arrival, d Decision, c Cost) {
	if c.Valid && d.Action == Pass && !d.Known && in.Frame.Kind() == wire.KindCertificate {
		a.proofs.keep(d.Frame)
	}
	switch peer := a.peers.of(now, in.From); {
	case c.Valid && d.Free:
	case c.Valid && in.Gossip && c.Checks == 1 && only(in.Frame) != nil:
		a.senders.of(now, *only(in.Frame)).checks.take(now, 1)
	default:
		peer.checks.take(now, c.Checks)
		peer.bytes.take(now, in.Bytes+FrameBytes)
	}
}

// only returns the sender of a frame that carries a single message, or nil.
func only(frame wire.Decoded) *keys.Public {
	f, ok := frame.Unverified().(wire.Messages)
	if !ok || len(f.Messages) != 1 {
		return nil
	}
	sender := f.Messages[0].Sender()
	return &sender
}

// Charge charges a peer for bytes about which there is nothing to decide.
func (a *Admission) Charge(now int64, peer keys.Public, bytes int) {
	a.peers.of(now, peer).bytes.take(now, bytes+FrameBytes)
}

// Sent notes a frame of this many bytes that this node sends to a peer. An answer is charged to the
// peer that asked. The answer to a request of this node is free.
func (a *Admission) Sent(now int64, to keys.Public, frame wire.Frame, bytes int) {
	switch frame.(type) {
	case wire.Messages, wire.Blocks, wire.Description, wire.Listing:
		a.peers.of(now, to).served.take(now, bytes+FrameBytes)
	default:
		a.asked(now, to, frame)
	}
}

func (a *Admission) asked(now int64, to keys.Public, frame wire.Frame) {
	var c credit
	switch f := frame.(type) {
	case wire.GetMessages:
		c.messages = len(f.IDs)
	case wire.GetBlock, wire.GetCertified:
		c.blocks = 1
	case wire.GetGroup:
		c.proofs = 1
	case wire.GetEvidence:
		c.proofs = len(f.Creators)
	default:
		return
	}
	a.peers.of(now, to).ask(now, c)
}
