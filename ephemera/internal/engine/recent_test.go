package engine

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// The messages of recent blocks are found, up to a number of bytes.
func TestRecentBodiesAreBounded(t *testing.T) {
	key := keys.FromSeed([32]byte{1})
	var all []block.Message
	for i := range 50 {
		m, err := block.NewMessage(key, "recent-test", "", fmt.Append(nil, "message ", i), 1000)
		require.NoError(t, err)
		all = append(all, m)
	}
	const kept = 10
	r := newRecentBodies(recentPart * kept * (all[10].Size() + 1))
	for i := range all {
		r.add(all[i : i+1])
		r.add(all[i : i+1]) // in another member's block
		for back := range min(kept, i+1) {
			_, ok := r.find(all[i-back].ID())
			require.True(t, ok, "message %d after %d", i-back, i)
		}
		require.LessOrEqual(t, len(r.new)+len(r.old), 2*(kept+1))
	}
	_, ok := r.find(all[0].ID())
	require.False(t, ok)
}

// What changes is held back until it rests, but not forever; the first version is not.
func TestWhatChangesIsHeldBackForAWhile(t *testing.T) {
	for _, rest := range []int{1, 4} {
		var h holding
		require.False(t, h.holds(1, int64(rest)))
		require.False(t, h.holds(1, int64(rest)), "nothing is new")
		for i := range rest {
			require.True(t, h.holds(2, int64(rest)), "rest %d: round %d", rest, i)
		}
		require.False(t, h.holds(2, int64(rest)), "rest %d: it rests", rest)
		version := uint64(2)
		for i := range mostHeld * rest {
			version++
			require.True(t, h.holds(version, int64(rest)), "rest %d: moving for %d rounds", rest, i)
		}
		require.False(t, h.holds(version+1, int64(rest)), "rest %d: it moved for long", rest)
	}
}
