package engine

import "github.com/ephemera-go/nym-rewarding/ephemera/block"

// recentBodies holds the messages of blocks that were certified last. Members include the same
// messages in their blocks, and a slower one's proposal names what a faster one's block has just
// taken out of the mempool: without this memory, it would be fetched. It has two generations of a
// bounded number of bytes.
type recentBodies struct {
	new, old map[block.MessageID]block.Message
	bytes    int // of new
	most     int // of a generation
}

// recentPart is which part of the mempool's bytes a generation may have.
const recentPart = 4

func newRecentBodies(mempoolBytes int) recentBodies {
	return recentBodies{new: make(map[block.MessageID]block.Message), most: mempoolBytes / recentPart}
}

// add keeps the messages of a block. When a generation is full, a new one begins and the older one
// is dropped.
func (r *recentBodies) add(messages []block.Message) {
	for _, m := range messages {
		if _, ok := r.new[m.ID()]; ok || m.Size() > r.most {
			continue
		}
		if r.bytes+m.Size() > r.most {
			r.old, r.new, r.bytes = r.new, make(map[block.MessageID]block.Message), 0
		}
		r.new[m.ID()] = m
		r.bytes += m.Size()
	}
}

func (r *recentBodies) find(id block.MessageID) (block.Message, bool) {
	m, ok := r.new[id]
	if !ok {
		m, ok = r.old[id]
	}
	return m, ok
}
