package simulation

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// settled reports whether everything that was promised has happened.
func (c *checker) settled() bool { return c.unsettled() == "" }

// unsettled names something that was promised and has not happened yet, or returns "".
func (c *checker) unsettled() string {
	if c.w.now < c.horizon() {
		return "the schedule is not over"
	}
	for i, n := range c.w.nodes {
		if n.byzantine == nil && (!n.up || n.knownGroups < len(c.w.groups)) {
			return fmt.Sprintf("node %d is not up, or knows %d of %d groups", i, n.knownGroups, len(c.w.groups))
		}
	}
	if what := c.unrepaired(); what != "" {
		return what
	}
	if what := c.unproven(); what != "" {
		return what
	}
	for _, b := range c.order {
		if b.firstSeen > c.horizon() {
			continue
		}
		if what := c.unsettledSlot(b); what != "" {
			return what
		}
	}
	for _, m := range c.messages {
		if c.w.options.Application == nil && !c.w.schedule.Fork && c.awaited(m) {
			return fmt.Sprintf("validity: no certified block holds a message of node %d", m.node)
		}
	}
	if what := c.unspread(); what != "" {
		return what
	}
	if what := c.unasked(); what != "" {
		return what
	}
	return c.unclosed()
}

// horizon returns the microsecond after which nothing new has to be waited for: adversaries never
// stop, so chains grow forever.
func (c *checker) horizon() int64 { return max(c.planned, c.w.schedule.Heal) * 1000 }

// lastPlanned returns the millisecond after which nothing more is planned.
func (s *Schedule) lastPlanned() int64 {
	last := int64(0)
	for _, submission := range s.Submissions {
		last = max(last, submission.At)
	}
	for _, f := range s.Faults {
		last = max(last, f.At+f.For)
	}
	return last
}

func (c *checker) unsettledSlot(b *slotBook) string {
	k := b.key
	group := c.w.groups[k.group]
	name := fmt.Sprintf("%d:%d/%d", k.group+1, k.creator, k.height)
	slot := block.Slot{Group: group.ID(), Creator: c.w.nodes[k.creator].key.Public(), Height: k.height}
	if c.isSplit(k) {
		return c.unalarmed(chainKey{k.group, k.creator})
	}
	if !b.isCertified && b.proposed >= 0 && c.correct(k.creator, k.group) && !c.w.schedule.Fork {
		creator := c.w.nodes[k.creator]
		if g := creator.disk.find(group.ID()); g != nil && !g.closed && !c.anyStuck(group, slot) {
			return "validity: " + name + " of a correct creator is not certified"
		}
	}
	if b.isCertified && c.heldByCorrect(b) {
		for i, n := range c.w.nodes {
			if n.byzantine == nil && group.Contains(n.key.Public()) && !b.delivered[i] && !c.stuck(i, slot) {
				return fmt.Sprintf("totality: node %d has not delivered %s", i, name)
			}
		}
	}
	if c.conflicting(b) {
		for i, n := range c.w.nodes {
			if n.byzantine == nil && group.Contains(n.key.Public()) && !c.evidence[chainKey{k.group, k.creator}][i] {
				return fmt.Sprintf("accountability: node %d has no proof of two headers of %s", i, name)
			}
		}
	}
	return ""
}

// heldByCorrect reports whether a correct member has stored the certified block of a slot. A
// certificate that only faulty members ever had obliges nobody.
func (c *checker) heldByCorrect(b *slotBook) bool {
	group := c.w.groups[b.key.group]
	for i, n := range c.w.nodes {
		if !c.correct(i, b.key.group) || !group.Contains(n.key.Public()) {
			continue
		}
		slot := block.Slot{Group: group.ID(), Creator: c.w.nodes[b.key.creator].key.Public(), Height: b.key.height}
		if _, ok := c.w.nodes[i].disk.certified(slot); ok {
			return true
		}
	}
	return false
}

// awaited reports whether a message must still appear in a certified block of its node: the mempool
// accepted it, and no crash removed it before it was in a durable block.
func (c *checker) awaited(m *messageBook) bool {
	n := c.w.nodes[m.node]
	newest := c.w.groups[len(c.w.groups)-1]
	switch {
	case m.done || !m.taken || n.incarnation != m.incarnation && !m.durable:
		return false
	case !newest.Contains(n.key.Public()) || c.nodes[m.node].lostThrough >= newest.Number():
		return false
	}
	return c.nodes[m.node].lostThrough == 0 && !c.endsInRot(newest, n)
}

// unclosed names an old group that a correct node has not closed, long after it should have (R9).
func (c *checker) unclosed() string {
	for i, n := range c.w.nodes {
		if n.byzantine != nil {
			continue
		}
		for _, g := range n.disk.groups {
			if int(g.group.Number()) < len(c.w.groups) && !g.closed && g.group.Contains(n.key.Public()) {
				return fmt.Sprintf("R9: node %d has not closed group %d", i, g.group.Number())
			}
		}
	}
	return ""
}

// end judges what is left when the time is over.
func (c *checker) end() {
	if !c.failed() && !c.w.done && c.w.now >= c.w.schedule.Heal*1000 {
		if what := c.unsettled(); what != "" {
			c.violate("liveness", "%s after %d ms", what, c.w.schedule.Deadline)
		} else if c.quietAt >= 0 {
			c.violate("costs", "nodes still exchange messages or groups after %d ms", c.w.schedule.Deadline)
		}
	}
	c.grown()
	for _, o := range c.observers {
		if err := o.End(); err != nil {
			c.violate(o.Name(), "%v", err)
		}
	}
}
