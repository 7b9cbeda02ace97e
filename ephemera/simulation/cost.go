package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// account is what one node was asked by another and answered. Requests pay for answers: nobody
// makes a correct member send more than one body for each message that it asks for, one answer for
// each request for blocks, and so on.
type account struct {
	bodies, blocks, evidence, descriptions answers
	idle                                   int // frames sent while nothing happens
}

// answers compares what was asked with what was answered.
type answers struct{ asked, given int }

func (a answers) exceed(unasked int) bool { return a.given > a.asked+unasked }

func (c *checker) account(from, to int) *account { return &c.accounts[from*len(c.w.nodes)+to] }

// asked counts a request that reached a node.
func (c *checker) asked(n *node, from int, frame wire.Frame) {
	a := c.account(n.place, from)
	switch f := frame.(type) {
	case wire.GetMessages:
		a.bodies.asked += len(f.IDs)
	case wire.GetBlock, wire.GetCertified:
		a.blocks.asked++
	case wire.GetEvidence:
		a.evidence.asked += len(f.Creators)
	case wire.GetGroup:
		a.descriptions.asked++
	}
}

// sends judges a frame that a correct node sends.
func (c *checker) sends(n *node, to int, frame wire.Frame) {
	a := c.account(n.place, to)
	c.count(a, frame)
	switch f := frame.(type) {
	case wire.Messages:
		a.bodies.given += len(f.Messages)
	case wire.Blocks:
		a.blocks.given++
	case wire.Evidence:
		a.evidence.given++
	case wire.Description:
		a.descriptions.given++
	default:
		return
	}
	proofs := int(n.incarnation) * len(c.w.groups) * len(c.w.nodes) // each chain's once, unasked
	if a.bodies.exceed(0) || a.blocks.exceed(0) || a.evidence.exceed(proofs) || a.descriptions.exceed(0) {
		c.violate("costs", "node %d answers node %d more than it asked: %+v", n.place, to, *a)
	}
}

// count counts a frame, and its bytes under Schedule.Idle.
func (c *checker) count(a *account, frame wire.Frame) {
	if c.idles() {
		a.idle++
		return
	}
	c.direct.Frames++
	if c.w.schedule.Idle {
		c.direct.Bytes += int64(c.w.pack(frame, nil).size)
	}
}

// Times of the idle period in milliseconds. It begins when all nodes hold for good what they end
// with, and is judged after a while: frontiers that tell everybody are still under way, and so is
// what they make others ask for.
const (
	idleAfter = 20_000
	idleFor   = 20_000
)

// idles reports whether the period is judged in which nothing happens.
func (c *checker) idles() bool {
	return c.quietAt >= 0 && c.w.now >= c.quietAt+idleAfter*1000
}

// honest reports whether all members are correct in all groups: then everything ends.
func (c *checker) honest() bool { return len(c.w.schedule.Byzantine) == 0 && !c.anyLost() }

// spent judges what was sent until everything promised has happened, and, under Schedule.Idle, what
// is sent after that. It reports whether the run may end.
func (c *checker) spent() bool {
	if !c.honest() {
		return true
	}
	if c.quietAt < 0 {
		c.judgeTraffic()
	}
	if !c.w.schedule.Idle {
		return true
	}
	if now := c.holdings(); c.quietAt < 0 || now != c.remains {
		c.remains, c.quietAt = now, c.w.now
		for i := range c.accounts {
			c.accounts[i].idle = 0
		}
	}
	if c.w.now < c.quietAt+(idleAfter+idleFor)*1000 {
		return false
	}
	for i, a := range c.accounts {
		if most := idleFrames + len(c.w.groups); a.idle > most {
			c.violate("costs", "node %d sends node %d %d frames in %d ms in which nothing happens, at most %d",
				i/len(c.w.nodes), i%len(c.w.nodes), a.idle, idleFor, most)
		}
	}
	return true
}

// holdings counts what members still tell each other about once everything promised has happened:
// messages that no block needs, and groups that a former member missed.
func (c *checker) holdings() (held holdings) {
	for _, n := range c.w.nodes {
		messages, bytes := 0, 0
		if n.engine != nil {
			messages, bytes = n.engine.Mempool()
		}
		held.messages, held.bytes, held.groups = held.messages+messages, held.bytes+bytes, held.groups+len(n.disk.groups)
	}
	return held
}

// holdings are sums over all nodes.
type holdings struct{ messages, bytes, groups int }

// idleFrames is how many frames one node sends to another while nothing happens, at most, and one
// more for each group: frontiers and digests of the mempool that are due, and the certificate of
// the tip, once.
const idleFrames = 4

// judgeTraffic compares what correct members sent with what they need if nothing is lost: 3(n-1)
// frames for each block, in each second to each member a frontier in each group and digests of the
// mempool, and at each start three frames to and from each member in each group (R8). Gossip is
// apart.
func (c *checker) judgeTraffic() {
	n := int64(len(c.w.nodes))
	groups := int64(len(c.w.groups))
	pairs := n * (n - 1) * (groups + 1) * (c.w.now/1_000_000 + 1)
	pairs += 3 * (n - 1) * groups * (n + int64(c.w.stats.Crashes))
	frames, bytes := pairs, pairs*(frontierBytes+9*n)
	for _, b := range c.order {
		if b.proposed >= 0 {
			frames += 3 * (n - 1)
			bytes += (n - 1) * (blockFrameBytes + 64*n)
		}
	}
	for _, s := range c.w.schedule.Submissions {
		bytes += (n - 1) * int64(s.Size+listedBytes)
	}
	for _, p := range c.piles {
		for _, m := range p.messages {
			bytes += (n - 1) * int64(len(m.Payload())+listedBytes)
		}
	}
	if got := int64(c.direct.Frames); got > wasted*frames {
		c.violate("costs", "%d frames until everything has happened, at most %d times the needed %d", got, wasted, frames)
	}
	if got := c.direct.Bytes; got > wasted*bytes {
		c.violate("costs", "%d bytes until everything has happened, at most %d times the needed %d", got, wasted, bytes)
	}
}

const (
	// wasted is by what factor resent frames and requests for what was lost may exceed what is needed.
	wasted = 4
	// Sizes in bytes, about: of a frontier without heights and listings; of proposal, echo and
	// certificate without signatures; and what a message adds to its payload, in a frame that carries
	// it, in a proposal, and in frontiers for as long as it waits.
	frontierBytes, blockFrameBytes, listedBytes = 64, 800, 1000
)
