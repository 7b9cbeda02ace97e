package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	derived "github.com/ephemera-go/nym-rewarding/ephemera/limits"
)

// conduct is how a node's transport judges its peers under Schedule.Costs, as package transport/p2p
// does: rate limits, offences, and cuts.
type conduct struct {
	n      *node
	bounds derived.Transport
	peers  []peerConduct
}

type peerConduct struct {
	frames, bytes             bucket // of direct frames
	gossipFrames, gossipBytes bucket
	opens                     bucket // of connections
	patience                  bucket
	delayed                   int64 // microseconds for which no offence was counted yet
	next                      int64 // length of the next cut in microseconds
	until                     int64 // end of the last cut
}

// Weights of offences, those of package transport/p2p.
const (
	malformed = 10 // a frame that no correct member sends
	throttled = 5  // a second of delay, because direct frames exceeded their rate
	excess    = 1  // gossip above its rate
)

func newConduct(n *node) *conduct {
	if n.w.schedule.Costs == (Costs{}) || n.byzantine != nil {
		return nil
	}
	b := n.w.bounds
	c := &conduct{n: n, bounds: b, peers: make([]peerConduct, len(n.w.nodes))}
	for i := range c.peers {
		c.peers[i] = peerConduct{
			frames: newBucket(b.FramesPerSecond, b.FramesBurst), bytes: newBucket(b.BytesPerSecond, b.BytesBurst),
			gossipFrames: newBucket(b.GossipFramesPerSecond, b.GossipFramesBurst), gossipBytes: newBucket(b.GossipBytesPerSecond, b.GossipBytesBurst),
			opens: newBucket(b.AddressPerSecond, b.AddressBurst), patience: newBucket(b.Conduct.Forgiven, b.Conduct.Patience), next: b.Conduct.First.Microseconds(),
		}
	}
	return c
}

// delay counts a direct frame and returns for how many microseconds it has to wait.
func (c *conduct) delay(from, size int) int64 {
	p, now := &c.peers[from], c.n.w.now
	wait := max(p.frames.reserve(now, 1), p.bytes.reserve(now, size))
	for p.delayed += wait; p.delayed >= 1_000_000; p.delayed -= 1_000_000 {
		c.penalise(from, throttled)
	}
	return wait
}

// allow counts a gossip frame, unless it is above the rate.
func (c *conduct) allow(from, size int) bool {
	p, now := &c.peers[from], c.n.w.now
	return p.gossipFrames.take(now, 1) && p.gossipBytes.take(now, size)
}

// penalise counts an offence. A peer that makes too many is cut off for a while.
func (c *conduct) penalise(from, weight int) {
	p, w := &c.peers[from], c.n.w
	if w.now < p.until || p.patience.take(w.now, weight) {
		return
	}
	longest := c.bounds.Conduct.Longest.Microseconds()
	if w.now-p.until > longest {
		p.next = c.bounds.Conduct.First.Microseconds()
	}
	p.until = w.now + p.next
	p.next = min(2*p.next, longest)
	p.patience = newBucket(c.bounds.Conduct.Forgiven, c.bounds.Conduct.Patience)
	w.stats.Cuts++
	if w.nodes[from].byzantine == nil {
		w.check.violate("costs", "correct node %d cuts off the correct node %d", c.n.place, from)
	}
	w.trace.printf(w.now, "%d cuts %d off", c.n.place, from)
	w.disconnect(c.n.place, from)
	w.queue.push(p.until, task{kind: reunion, to: int32(c.n.place), from: int32(from)})
}

// apart reports whether one of two nodes has cut the other off.
func (w *world) apart(a, b int) bool {
	return w.nodes[a].cutsOff(b) || w.nodes[b].cutsOff(a)
}

func (n *node) cutsOff(peer int) bool {
	return n.conduct != nil && n.w.now < n.conduct.peers[peer].until
}

// reunite connects two nodes again, unless the other one has cut off this one.
func (w *world) reunite(a, b int) {
	if w.apart(a, b) || !w.nodes[a].up || !w.nodes[b].up {
		return
	}
	for _, pair := range [][2]int{{a, b}, {b, a}} {
		w.nodes[pair[0]].step(engine.Connected{Peer: w.nodes[pair[1]].key.Public()})
	}
}

// bucket is a token bucket. A token is a million units, so that a rate is units per microsecond.
type bucket struct{ rate, burst, level, at int64 }

func newBucket(rate, burst int) bucket {
	return bucket{rate: int64(rate), burst: int64(burst) * 1_000_000, level: int64(burst) * 1_000_000}
}

func (b *bucket) refill(now int64) {
	if passed := now - b.at; passed > 0 {
		b.level = min(b.burst, b.level+min(passed, 3_600_000_000)*b.rate)
		b.at = now
	}
}

// reserve takes tokens and returns how many microseconds pass until there are as many.
func (b *bucket) reserve(now int64, count int) int64 {
	b.refill(now)
	b.level -= int64(count) * 1_000_000
	if b.level >= 0 {
		return 0
	}
	return -b.level / max(b.rate, 1)
}

// take takes tokens if there are as many.
func (b *bucket) take(now int64, count int) bool {
	b.refill(now)
	if b.level < int64(count)*1_000_000 {
		return false
	}
	b.level -= int64(count) * 1_000_000
	return true
}
