package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// While nothing changes, each member of a large group hears from about sixteen others in the
// longest wait of a small one, and from all of them in turn. This holds for frontiers and digests.
func TestMembersOfLargeGroupsTakeTurns(t *testing.T) {
	const n, longest, turns = 64, 256_000, 4
	c := newCluster(t, n, engine.Config{Include: mempool.All}, membership.Limits{})
	for i, m := range c.members {
		m.enough = 1 << 30
		c.start(i)
	}
	c.hear()
	pending := c.many(c.keys[1], 2)
	for i := range c.members {
		c.hold(i, pending...)
	}
	c.advance(6*longest, true)
	heard := make(map[int]int) // frames by sender
	digests := 0
	for range turns {
		since := len(c.history)
		c.advance(longest, true)
		senders := 0
		for _, p := range c.history[since:] {
			if p.to != 0 {
				continue
			}
			switch p.frame.(type) {
			case wire.Frontier:
				heard[p.from]++
				senders++
			case wire.Pool:
				digests++
			}
		}
		require.InDelta(t, n/turns, senders, 2)
	}
	require.InDelta(t, n-1, digests, 4)
	require.Len(t, heard, n-1)
	for from, count := range heard {
		require.Equal(t, 1, count, "member %d", from)
	}
}
