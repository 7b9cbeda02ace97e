package mempool

// history remembers a bounded number of IDs or digests and forgets the oldest first.
type history[K comparable] struct {
	size  int
	ring  []K
	next  int
	place map[K]int // in ring
}

func newHistory[K comparable](size int) *history[K] {
	return &history[K]{size: size, place: make(map[K]int)}
}

func (h *history[K]) has(id K) bool {
	_, ok := h.place[id]
	return ok
}

func (h *history[K]) clear() { *h = *newHistory[K](h.size) }

func (h *history[K]) add(id K) {
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
