package ephemera

import (
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Times are when a block passed its stages at this node, in milliseconds since 1970 by the node's
// clock; 0 if it does not know.
type Times struct {
	Proposed  int64 // the node voted for it: the block was complete and valid
	Certified int64 // it was durable with its certificate
	Delivered int64 // the application accepted it
}

// rememberedTimes bounds the blocks whose times are kept. They are in memory only.
const rememberedTimes = 4096

// Changed returns a channel that is closed when the next certified block is durable. To read blocks
// in a loop without missing any, take the channel first, read the store to its end, and then wait.
func (n *Node) Changed() <-chan struct{} { return n.changed.wait() }

// Times returns the times of one of the last blocks, or false if this node does not know them, as
// after a restart.
func (n *Node) Times(id block.ID) (Times, bool) { return n.times.Get(id) }

// noteCertified notes the votes and blocks that a commit made durable.
func (l *loop) noteCertified(writes []store.Write) {
	certified := false
	for _, write := range writes {
		switch w := write.(type) {
		case store.PutVote:
			if w.Again {
				l.damage.repaired(w.Block)
			}
			l.noteTime(w.Block.ID(), func(t *Times) *int64 { return &t.Proposed })
		case store.PutCertified:
			l.noteTime(w.Block.ID(), func(t *Times) *int64 { return &t.Certified })
			certified = true
		case store.PutRepaired:
			l.damage.repaired(w.Block)
			certified = true // readers wait for it as for a new block
		}
	}
	if certified {
		l.changed.notify()
	}
}

// noteTime sets a time of a block, unless it is set already.
func (n *Node) noteTime(id block.ID, field func(*Times) *int64) {
	n.timing.Lock()
	defer n.timing.Unlock()
	t, _ := n.times.Get(id)
	if at := field(&t); *at == 0 {
		*at = n.clock.wallTime()
		n.times.Add(id, t)
	}
}

// notifier wakes all waiting goroutines. The zero value is ready to use. It is safe for concurrent
// use.
type notifier struct {
	mu      sync.Mutex
	waiting chan struct{}
}

// wait returns a channel that the next notify closes.
func (n *notifier) wait() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiting == nil {
		n.waiting = make(chan struct{})
	}
	return n.waiting
}

func (n *notifier) notify() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiting != nil {
		close(n.waiting)
		n.waiting = nil
	}
}
