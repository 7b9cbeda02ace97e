package ephemera

import (
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Times are when something became of a block at this node, in milliseconds since 1970 by its clock;
// 0 where it does not know.
type Times struct {
	Proposed  int64 // voted for: the whole block was there, and valid
	Certified int64 // durable with its certificate
	Delivered int64 // taken by the application
}

// A member that catches up stores blocks faster than its application takes them. The small ones
// stay in memory meanwhile, so that not each is read back on its own: 8 MiB at most.
const (
	undeliveredBlocks = 512
	undeliveredBytes  = 16 << 10 // of one
)

// rememberedTimes bounds the blocks whose times are kept, in memory only.
const rememberedTimes = 4096

// Changed returns a channel that is closed when the next certified block is durable. Whoever reads
// blocks in a loop takes the channel first, reads the store to its end, and then waits.
func (n *Node) Changed() <-chan struct{} { return n.changed.next() }

// Times tells when something became of one of the last blocks; false where this node does not know,
// as after a restart.
func (n *Node) Times(id block.ID) (Times, bool) { return n.times.Get(id) }

// noteCertified notes what a commit made durable.
func (l *loop) noteCertified(writes []store.Write) {
	certified := false
	for _, write := range writes {
		switch w := write.(type) {
		case store.PutVote:
			l.noteTime(w.Block.ID(), func(t *Times) *int64 { return &t.Proposed })
		case store.PutCertified:
			l.noteTime(w.Block.ID(), func(t *Times) *int64 { return &t.Certified })
			certified = true
			if held := store.Certified(w); held.Bytes() <= undeliveredBytes && !w.Block.Pruned() {
				l.undelivered.Add(w.Block.Header.Slot(), held)
			}
		}
	}
	if certified {
		l.changed.announce()
	}
}

// noteTime keeps the first time that something happened to a block.
func (n *Node) noteTime(id block.ID, field func(*Times) *int64) {
	n.timing.Lock()
	defer n.timing.Unlock()
	t, _ := n.times.Get(id)
	if at := field(&t); *at == 0 {
		*at = n.clock.wallTime()
		n.times.Add(id, t)
	}
}

// changes wakes whoever waits. The zero value is ready; it is safe for concurrent use.
type changes struct {
	mu      sync.Mutex
	waiting chan struct{}
}

func (c *changes) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting = make(chan struct{})
	}
	return c.waiting
}

func (c *changes) announce() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting != nil {
		close(c.waiting)
		c.waiting = nil
	}
}
