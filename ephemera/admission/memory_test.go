package admission

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// At least the last keptDigests digests are remembered, and at most twice as many.
func TestMemoryIsBounded(t *testing.T) {
	m := newMemory()
	digest := func(i int) (d wire.Digest) {
		binary.BigEndian.PutUint64(d[:], uint64(i))
		return d
	}
	const total = 3*keptDigests + 5
	for i := range total {
		require.False(t, m.has(digest(i)))
		m.add(digest(i))
		require.True(t, m.has(digest(i)))
		require.LessOrEqual(t, len(m.new)+len(m.old), 2*keptDigests)
	}
	for i := total - keptDigests; i < total; i++ {
		require.True(t, m.has(digest(i)), "digest %d of %d", i, total)
	}
	require.False(t, m.has(digest(0)))
}
