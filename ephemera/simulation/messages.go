package simulation

import (
	"errors"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// submitted records a message that a client submitted to a node.
func (c *checker) submitted(n *node, m block.Message) {
	c.made[m.ID()] = true
	c.tagged(n, "ephemera/message/v1", m.SigningBytes())
	if n.byzantine == nil {
		book := &messageBook{node: n.place, incarnation: n.incarnation, fresh: m.Time() == n.wall()}
		c.messages = append(c.messages, book)
		c.byID[m.ID()] = book
		n.tickets = append(n.tickets, book)
	}
}

// submittedAgain records that a client submitted a message once more. Nothing new is promised.
func (c *checker) submittedAgain(n *node) {
	if n.byzantine == nil {
		n.tickets = append(n.tickets, &messageBook{node: n.place, incarnation: n.incarnation, done: true})
	}
}

// answered records the answer to the oldest submission that has none.
func (c *checker) answered(n *node, _ uint64, err error) {
	if len(n.tickets) == 0 {
		return
	}
	book := n.tickets[0]
	n.tickets = n.tickets[1:]
	book.taken = err == nil || errors.Is(err, mempool.ErrDuplicate)
	if plenty := c.w.schedule.Known == 0; plenty && book.fresh && (errors.Is(err, mempool.ErrExpired) || errors.Is(err, mempool.ErrFuture)) {
		c.violate("validity", "node %d refuses its client's message, which is signed now: %v", n.place, err)
	}
	waiting, lost := 0, c.nodes[n.place].lostThrough > 0 // then what was certified may come back
	for _, m := range c.messages {
		if m.node == n.place && m.taken && (!m.done || lost) {
			waiting++
		}
	}
	if errors.Is(err, mempool.ErrQuota) && waiting < quotaFloor {
		c.violate("bounds", "node %d refuses its client's message although it holds only %d", n.place, waiting)
	}
}

// quotaFloor is for how many messages of its own client every node has room, whatever else fills
// the mempool.
const quotaFloor = 8

// checkExpiry checks that a correct creator's new block holds no message that had expired by its
// own time. Messages that came back from a closed group do not expire.
func (c *checker) checkExpiry(n *node, b block.Block) {
	pool := c.w.options.Pool.WithDefaults()
	for _, m := range b.Messages {
		if m.Time()+pool.TTL.Milliseconds() <= b.Header.Time && c.byID[m.ID()] == nil && len(c.w.groups) == 1 && !c.stepped(n.place) {
			c.violate("R9", "node %d puts a message into a block %d ms after it expired", n.place, b.Header.Time-m.Time()-pool.TTL.Milliseconds())
		}
	}
}

// stepped reports whether a node's wall clock is ever set: then its messages do not expire by it.
func (c *checker) stepped(node int) bool {
	return slices.ContainsFunc(c.w.schedule.Faults, func(f Fault) bool { return f.Kind == StepClock && f.Node == node })
}

// bounds checks from time to time what a node holds in memory because of others.
func (c *checker) bounds(n *node) {
	if c.steps++; c.steps%64 != 0 || n.byzantine != nil || n.knownGroups == 0 {
		return
	}
	messages, bytes := n.engine.Mempool()
	limits, pool := c.w.groups[0].Limits(), c.w.options.Pool.WithDefaults()
	kept := len(c.w.groups) * int(limits.BlockMessages)
	if messages > pool.Messages+kept || bytes > pool.Bytes+len(c.w.groups)*int(limits.BlockBytes) {
		c.violate("bounds", "node %d holds %d messages of %d bytes in total", n.place, messages, bytes)
	}
	held := n.engine.Held()
	body := int(limits.PayloadBytes) + block.MaxMessageOverhead
	switch {
	case held.Group.Bodies > int(limits.BlockBytes)+body: // R2: a block's bytes and one message
	case held.Group.Claims > 64, held.Group.Repairs > 16: // PROTOCOL.md, section 6
	case held.Requested > 8*1024, held.Waking > len(c.w.nodes), held.Described > len(c.w.nodes):
	default:
		return
	}
	c.violate("bounds", "node %d holds more than it may: %+v", n.place, held)
}
