package p2p

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
)

// Weights of offences, measured against limits.Conduct.Patience. What may be our own fault is no
// offence: a full queue of ours, a peer that reads slowly, a ping that comes late, a stream that
// ends in the middle of a frame.
const (
	garbage   = 10 // a frame that no correct member sends: too long, undecodable, with a bad signature
	stalled   = 10 // the rest of a frame did not come
	throttled = 5  // a second for which we had to make the peer wait
	excess    = 1  // gossip or a stream beyond the rate, which was dropped
)

// conduct remembers a peer's offences and says when it is cut off. It is safe for concurrent use.
type conduct struct {
	rules limits.Conduct

	mu    sync.Mutex
	left  *rate.Limiter // what is left of the patience; it grows back by what is forgiven
	next  time.Duration // how long the next cut is
	until time.Time     // when the last one ends
}

func newConduct(rules limits.Conduct) *conduct {
	return &conduct{rules: rules, left: allPatience(rules), next: rules.First}
}

func allPatience(rules limits.Conduct) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(rules.Forgiven), rules.Patience)
}

// offend counts an offence. More than zero: the peer is cut off now, for so long.
func (c *conduct) offend(now time.Time, weight int) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.until) || c.left.AllowN(now, weight) {
		return 0
	}
	if now.Sub(c.until) > c.rules.Longest {
		c.next = c.rules.First
	}
	cut := c.next
	c.next = min(2*c.next, c.rules.Longest)
	c.until = now.Add(cut)
	c.left = allPatience(c.rules)
	return cut
}

// cut returns how long the peer is still cut off.
func (c *conduct) cut(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(0, c.until.Sub(now))
}

// meter is a rate of frames and of their bytes. It is safe for concurrent use.
type meter struct{ frames, bytes *rate.Limiter }

func newMeter(framesPerSecond, framesBurst, bytesPerSecond, bytesBurst int) meter {
	return meter{rate.NewLimiter(rate.Limit(framesPerSecond), framesBurst), rate.NewLimiter(rate.Limit(bytesPerSecond), bytesBurst)}
}

// delay counts a frame and returns how long it must wait.
func (m meter) delay(now time.Time, size int) time.Duration {
	return max(m.frames.ReserveN(now, 1).DelayFrom(now), m.bytes.ReserveN(now, size).DelayFrom(now))
}

// allow counts frames that may come now. False: they are beyond the rate, and not counted in full.
func (m meter) allow(now time.Time, frames, size int) bool {
	return m.frames.AllowN(now, frames) && m.bytes.AllowN(now, size)
}

// offend counts an offence of the member and cuts it off when its measure is full: its connections
// are closed, and none is made or taken until the cut ends by itself.
func (r *remote) offend(weight int, why string) {
	cut := r.conduct.offend(time.Now(), weight)
	if cut == 0 {
		return
	}
	r.t.traffic.cuts.Add(1)
	r.t.config.Logger.Warn("member cut off for a while", "peer", r.key, "last offence", why, "for", cut)
	wake(r.changed)
	// Not here: who blames may hold up GossipSub or the resource manager.
	if run := r.t.enterAny(); run != nil {
		go func() {
			defer run.work.Done()
			if err := r.t.host.Network().ClosePeer(r.id); err != nil {
				r.t.config.Logger.Debug("close connections of a member that is cut off", "peer", r.key, "error", err)
			}
		}()
	}
}

func (r *remote) isCut() bool { return r.conduct.cut(time.Now()) > 0 }
