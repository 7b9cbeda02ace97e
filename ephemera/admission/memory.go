package admission

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// memory holds the digests of what was verified recently.
type memory struct {
	generations[wire.Digest, struct{}]
}

// keptDigests bounds each generation.
const keptDigests = 16384

func newMemory() memory { return memory{newGenerations[wire.Digest, struct{}](keptDigests)} }

// Has reports whether a frame, or a part of frames, was verified recently.
func (a *Admission) Has(digest wire.Digest) bool { return a.memory.has(digest) }

// Add remembers a frame, or a part of frames, that was verified.
func (a *Admission) Add(digest wire.Digest) { a.memory.add(digest) }

func (m *memory) has(digest wire.Digest) bool {
	_, ok := m.find(digest)
	return ok
}

func (m *memory) add(digest wire.Digest) { m.put(digest, struct{}{}) }
