package engine

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// Status is the state of this member in one group. Slices are indexed by the members' places.
type Status struct {
	Heights   []uint64 // certified
	Delivered []uint64
	Tips      []block.ID
	Messages  int // in the mempool
	Bytes     int
	Counts    mempool.Counts
	Open      bool // this member's block is under way
	Waits     bool // this member's next block waits for its chain's rate, or for disk space
	Closed    bool // nothing new is signed in the group
}

// Mempool returns how many messages the engine holds outside blocks, including those that wait for
// the application, and their total size in bytes.
func (e *Engine) Mempool() (messages, bytes int) {
	messages, bytes = e.pool.Pending()
	return messages + e.pool.Len(), bytes + e.pool.Bytes()
}

// InMemory reports whether a group of this member is in memory: it was never at rest, or was loaded
// again.
func (e *Engine) InMemory(group membership.ID) bool { return e.part(group) != nil }

// Wants reports whether a message is not in the mempool, and would be taken as far as is known.
func (e *Engine) Wants(m block.Message) bool { return e.pool.Wants(m.ID(), m.Sender()) }

// Holds reports whether a message is in the mempool. One that waits for the application is not.
func (e *Engine) Holds(id block.MessageID) bool {
	_, ok := e.pool.Get(id)
	return ok
}

// Status returns the state of this member in a group. It returns false if this member is not in the
// group, or the group was dropped from memory.
func (e *Engine) Status(group membership.ID) (Status, bool) {
	p := e.part(group)
	if p == nil {
		return Status{}, false
	}
	n := p.group.N()
	status := Status{
		Heights: make([]uint64, n), Delivered: make([]uint64, n), Tips: make([]block.ID, n),
		Messages: e.pool.Len(), Bytes: e.pool.Bytes(), Counts: e.pool.Counts(),
		Open: !p.instance.Muted && !p.instance.OwnSlotFree(), Closed: p.instance.Closed,
		Waits: p.instance.CanPropose() && !p.instance.HasRoom(),
	}
	for i := range n {
		status.Heights[i], status.Tips[i] = p.instance.Height(i)
		status.Delivered[i] = p.instance.DeliveredHeight(i)
	}
	return status, true
}
