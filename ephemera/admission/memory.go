package admission

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// memory holds the digests of what was verified recently, in two generations of bounded size.
type memory struct{ new, old map[wire.Digest]struct{} }

// keptDigests bounds each generation.
const keptDigests = 16384

func newMemory() memory { return memory{new: make(map[wire.Digest]struct{})} }

// Has reports whether a frame, or a part of frames, was verified recently.
func (a *Admission) Has(digest wire.Digest) bool { return a.memory.has(digest) }

// Add remembers a frame, or a part of frames, that was verified.
func (a *Admission) Add(digest wire.Digest) { a.memory.add(digest) }

func (m *memory) has(digest wire.Digest) bool {
	if _, ok := m.new[digest]; ok {
		return true
	}
	_, ok := m.old[digest]
	return ok
}

// add adds a digest. When a generation is full, a new one begins and the older one is dropped.
func (m *memory) add(digest wire.Digest) {
	if len(m.new) >= keptDigests {
		m.old, m.new = m.new, make(map[wire.Digest]struct{}, keptDigests)
	}
	m.new[digest] = struct{}{}
}
