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

func (h *history) clear() { *h = *newHistory(h.size) }

func (h *history) add(id block.MessageID) {
	if h.has(id) {
		return
	}
	if len(h.ring) < h.size {
		h.ring = append(h.ring, id)
		h.place[id] = len(h.ring) - 1
		return
	}
	delete(h.place, h.ring[h.next])
	h.ring[h.next], h.place[id] = id, h.next
	h.next = (h.next + 1) % h.size
}
