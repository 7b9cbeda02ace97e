package engine_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// In groups of every size a block costs 3(n-1) frames and is delivered everywhere after three
// delays.
func TestBlockCosts(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 10, 31} {
		t.Run(fmt.Sprint("n=", n), func(t *testing.T) {
			c := newCluster(t, n, engine.Config{}, membership.Limits{})
			k := watch(c)
			for i := range n {
				k.restart(i)
			}
			c.hear()
			c.submit(0, "hello")
			c.deliver(filter{from: -1, to: -1, kind: "gossip"})
			for range 3 {
				c.deliver(everything)
			}
			require.Empty(t, c.flight)
			counts := map[string]int{}
			for _, p := range c.history {
				counts[p.kind()]++
			}
			require.Equal(t, n-1, counts["proposal"])
			require.Equal(t, n-1, counts["echo"])
			require.Equal(t, n-1, counts["certificate"])
			require.Len(t, c.history, 4*(n-1), "the fourth is gossip")
			for i := range n {
				require.Equal(t, uint64(1), c.status(i).Delivered[0], "member %d", i)
			}
		})
	}
}

// With f silent members the others are a quorum. With one more they are not, and sign nothing
// wrong.
func TestQuorumOfTheCorrect(t *testing.T) {
	for _, n := range []int{4, 5, 6, 7, 10} {
		for _, extra := range []int{0, 1} {
			t.Run(fmt.Sprintf("n=%d, %d beyond f", n, extra), func(t *testing.T) {
				c := newCluster(t, n, engine.Config{}, membership.Limits{})
				k := watch(c)
				running := n - c.group.F() - extra
				for i := range running {
					k.restart(i)
				}
				c.submit(0, "hello")
				c.advance(20_000, true)
				want := uint64(0)
				if running >= c.group.Q() {
					want = 1
				}
				require.True(t, extra > 0 || want == 1, "n-f members are a quorum")
				for i := range running {
					require.Equal(t, want, c.status(i).Delivered[0], "member %d", i)
				}
			})
		}
	}
}
