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

// What changes is held back until it rests for a round, but not forever; the first version is not.
func TestWhatChangesIsHeldBackForAWhile(t *testing.T) {
	for _, test := range []struct {
		n           int
		rest, most  int
		description string
	}{{4, 1, mostHeld, "small"}, {64, 4, 4 * mostHeld, "large"}} {
		var h holding
		require.False(t, h.holds(1, test.n), test.description)
		require.False(t, h.holds(1, test.n), "nothing is new")
		for i := range test.rest {
			require.True(t, h.holds(2, test.n), "%s: round %d", test.description, i)
		}
		require.False(t, h.holds(2, test.n), "%s: it rests", test.description)
		version := uint64(2)
		for i := range test.most {
			version++
			require.True(t, h.holds(version, test.n), "%s: moving for %d rounds", test.description, i)
		}
		require.False(t, h.holds(version+1, test.n), "%s: it moved for long", test.description)
	}
}
