package ephemera_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

func TestMemberThatWasAwayForLongerThanTheRetentionGetsHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		c.include, c.retention = mempool.Own, ephemera.Retention{Age: time.Hour}
		for i := range 3 {
			c.start(i)
		}
		defer c.stopAll()
		for i := range 5 {
			c.submit(0, fmt.Sprint("old ", i))
			c.awaitHeight(2, 0, i+1)
		}
		time.Sleep(2 * time.Hour)
		c.submit(0, "new")
		c.awaitHeight(2, 0, 6)
		time.Sleep(2 * time.Minute) // until the next removal

		c.start(3)
		c.awaitHeight(3, 0, 6)
		blocks := c.boards[3].blocks(c.keys[0].Public())
		for i, b := range blocks {
			require.Equal(t, uint64(i+1), b.Header.Height)
			require.Equal(t, i < 5, b.Pruned())
		}
		require.Equal(t, "new", string(blocks[5].Messages[0].Payload()))
	})
}

func TestIncludedMessagesStayKnownAcrossARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		c.include = mempool.Own
		c.startAll()
		defer c.stopAll()
		m := c.submit(0, "once")
		c.awaitHeight(0, 0, 1)
		c.awaitHeight(1, 0, 1)
		c.stop[0]()
		c.stop[1]()
		c.start(0)
		c.start(1)
		require.ErrorIs(t, c.nodes[0].Submit(t.Context(), m), mempool.ErrDuplicate)
		require.ErrorIs(t, c.nodes[1].Submit(t.Context(), m), mempool.ErrDuplicate, "it is in another member's block")
		time.Sleep(mempool.Limits{}.WithDefaults().TTL)
		require.ErrorIs(t, c.nodes[1].Submit(t.Context(), m), mempool.ErrDuplicate)
		c.stop[1]()
		c.start(1)
		require.ErrorIs(t, c.nodes[1].Submit(t.Context(), m), mempool.ErrExpired, "it is forgotten only when it is too old")
	})
}
