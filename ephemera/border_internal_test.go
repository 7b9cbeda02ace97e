package ephemera

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// A node remembers at least the last seenDigests digests, and at most twice as many.
func TestSeenIsBounded(t *testing.T) {
	s := newSeen()
	digest := func(i int) (d wire.Digest) {
		binary.BigEndian.PutUint64(d[:], uint64(i))
		return d
	}
	const total = 3*seenDigests + 5
	for i := range total {
		require.False(t, s.Has(digest(i)))
		s.Add(digest(i))
		require.True(t, s.Has(digest(i)))
		require.LessOrEqual(t, len(s.new)+len(s.old), 2*seenDigests)
	}
	for i := total - seenDigests; i < total; i++ {
		require.True(t, s.Has(digest(i)), "digest %d of %d", i, total)
	}
	require.False(t, s.Has(digest(0)))
}
