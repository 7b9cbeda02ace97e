package p2p

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
)

// Weights of offences, in the unit of limits.Conduct.Patience. Events that may be this node's fault
// are not offences: a full queue of its own, a peer that reads slowly, a late answer to a ping, a
// stream that ends within a frame.
const (
	garbage   = 10 // a frame that no correct member sends: too long, undecodable, wrongly signed
	stalled   = 10 // a frame whose rest did not arrive in time
	throttled = 5  // a second of delay: direct frames above the rate, or costing too much
	excess    = 1  // gossip or a stream above the rate, which was refused
)

// penalties tracks the offences of a peer and decides when to cut it off. It is safe for concurrent
// use.
type penalties struct {
	rules limits.Conduct

	mu    sync.Mutex
	left  *rate.Limiter // the remaining patience, restored at the rate of rules.Forgiven
	next  time.Duration // length of the next cut
	until time.Time     // end of the last cut
}

func newPenalties(rules limits.Conduct) *penalties {
	return &penalties{rules: rules, left: fullPatience(rules), next: rules.First}
}

func fullPatience(rules limits.Conduct) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(rules.Forgiven), rules.Patience)
}

// add counts an offence. If it exhausts the patience, add returns how long the peer is cut off from
// now on; otherwise zero.
//
// The length of a cut doubles from rules.First to rules.Longest, and starts again at rules.First
// after rules.Longest without a cut.
func (p *penalties) add(now time.Time, weight int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.until) || p.left.AllowN(now, weight) {
		return 0
	}
	if now.Sub(p.until) > p.rules.Longest {
		p.next = p.rules.First
	}
	cut := p.next
	p.next = min(2*p.next, p.rules.Longest)
	p.until = now.Add(cut)
	p.left = fullPatience(p.rules)
	return cut
}

// remaining returns how long the peer remains cut off, zero if it is not.
func (p *penalties) remaining(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, p.until.Sub(now))
}

// limiter limits the rates of frames and of their bytes. It is safe for concurrent use.
type limiter struct{ frames, bytes *rate.Limiter }

func newLimiter(framesPerSecond, framesBurst, bytesPerSecond, bytesBurst int) limiter {
	return limiter{rate.NewLimiter(rate.Limit(framesPerSecond), framesBurst), rate.NewLimiter(rate.Limit(bytesPerSecond), bytesBurst)}
}

// delay counts a frame of size bytes and returns how long to delay it.
func (l limiter) delay(now time.Time, size int) time.Duration {
	return max(l.frames.ReserveN(now, 1).DelayFrom(now), l.bytes.ReserveN(now, size).DelayFrom(now))
}

// allow reports whether frames of size bytes together are within the rates now. If they are not,
// they are not counted, or only their number is.
func (l limiter) allow(now time.Time, frames, size int) bool {
	return l.frames.AllowN(now, frames) && l.bytes.AllowN(now, size)
}

// penalise counts an offence of the member. If that exhausts the patience, the member is cut off:
// its connections are closed, and none is dialled or accepted until the cut ends.
func (r *remote) penalise(weight int, offence string) {
	cut := r.penalties.add(time.Now(), weight)
	if cut == 0 {
		return
	}
	r.t.traffic.cuts.Add(1)
	r.t.config.Logger.Warn("member cut off", "peer", r.key, "offence", offence, "duration", cut)
	wake(r.changed)
	// In a goroutine, because the caller may be blocking GossipSub or the resource manager.
	if run := r.t.enterCurrent(); run != nil {
		go func() {
			defer run.work.Done()
			if err := r.t.host.Network().ClosePeer(r.id); err != nil {
				r.t.config.Logger.Debug("closing connections to a member that is cut off failed", "peer", r.key, "error", err)
			}
		}()
	}
}

func (r *remote) isCutOff() bool { return r.penalties.remaining(time.Now()) > 0 }
