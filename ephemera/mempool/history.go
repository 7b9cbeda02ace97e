package mempool

import "github.com/ephemera-go/nym-rewarding/ephemera/block"

// history remembers a bounded number of IDs and forgets the oldest first.
type history struct {
	size  int
	ring  []block.MessageID
	next  int
	place map[block.MessageID]int // in ring
}

func newHistory(size int) *history {
	return &history{size: size, place: make(map[block.MessageID]int)}
}

func (h *history) has(id block.MessageID) bool {
	_, ok := h.place[id]
	return ok
}

func (h *history) remove(id block.MessageID) { delete(h.place, id) }

func (h *history) add(id block.MessageID) {
	if h.has(id) {
		return
	}
	if len(h.ring) < h.size {
		h.ring = append(h.ring, id)
		h.place[id] = len(h.ring) - 1
		return
	}
	// It may have been removed and added again elsewhere.
	if old := h.ring[h.next]; h.place[old] == h.next {
		delete(h.place, old)
	}
	h.ring[h.next], h.place[id] = id, h.next
	h.next = (h.next + 1) % h.size
}
