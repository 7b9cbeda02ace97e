package simulation

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
)

// checkMessage asks the application about another member's message. Until the faults end, it says
// later to some.
func (n *node) checkMessage(m block.Message) {
	d := n.judge(m)
	if n.w.schedule.Later > 0 && d.IsAccept() && !n.w.healed() {
		n.queries++
		if int(hash(n.w.schedule.Seed, 14, uint64(n.place), n.queries)%1000) < n.w.schedule.Later {
			d = verdict.Later("it is away")
		}
	}
	n.w.check.messageJudged(n, m, d)
	n.answer(engine.MessageChecked{ID: m.ID(), Decision: d})
}

// hang lets a node's application answer nothing for a while, and then wake the node.
func (w *world) hang(n *node, f Fault, index int) {
	until := w.now + f.For*1000
	n.hangs = max(n.hangs, until)
	w.trace.printf(w.now, "the application of %d hangs for %d ms", n.place, f.For)
	w.queue.push(until, task{kind: recovery, to: int32(n.place), index: int32(index)})
}

// answer gives the engine the application's answer, once the application does not hang any more.
func (n *node) answer(event engine.Event) { n.replyAfter(event, max(0, n.hangs-n.w.now)) }

// messageJudged records the application's answer about a message. One that it postponed must be
// asked about again, unless it expires first.
func (c *checker) messageJudged(n *node, m block.Message, d verdict.Decision) {
	left := m.Time() + c.w.options.Pool.WithDefaults().TTL.Milliseconds() - n.wall()
	book := &c.nodes[n.place]
	if n.byzantine != nil || !d.IsLater() || left < c.w.schedule.Deadline || book.left[m.ID()] {
		delete(book.postponed, m.ID())
		return
	}
	book.postponed[m.ID()] = true
}

// leavesPool records that the messages of a certified block left the mempool of a node.
func (c *checker) leavesPool(n *node, b block.Block) {
	if c.w.schedule.All && b.Header.Creator != n.key.Public() {
		return
	}
	for _, m := range b.Messages {
		delete(c.nodes[n.place].postponed, m.ID())
		c.nodes[n.place].left[m.ID()] = true
	}
}

// unasked names a message that a node's application postponed, and about which it was not asked
// again although it would accept it now.
func (c *checker) unasked() string {
	for i, n := range c.w.nodes {
		if n.byzantine != nil || !n.up || n.halted != "" {
			continue
		}
		for id := range c.nodes[i].postponed {
			if !n.engine.Holds(id) {
				return fmt.Sprintf("no message is lost: node %d was told later about a message and does not ask again", i)
			}
		}
	}
	return ""
}
