package ephemera_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// The tests in this file check what a node reports about itself, its groups and their members.

func TestConfigReturnsDefaultDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, memory.Config{})
		node, cancel, result := c.run(0)
		require.Equal(t, time.Second, node.Config().Exchange)
		require.Equal(t, time.Minute, node.Config().HandOver)
		require.Equal(t, c.keys[0].Public(), node.Config().Key.Public())
		cancel()
		require.NoError(t, <-result)
		<-node.Stopped()
	})
}

func TestNodeThatWasRemovedKnowsItsOwnGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 5, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		h.votes[1].muted.Store(1)
		for _, i := range []int{0, 1} {
			h.start(i)
		}
		defer h.stopAll()
		one, two := h.group, h.members(2, 1, 2, 3, 4)
		require.NoError(t, h.nodes[0].CanMakeBlocks(one))
		require.ErrorIs(t, h.nodes[1].CanMakeBlocks(one), ephemera.ErrMuted)

		for _, i := range []int{0, 1} {
			require.NoError(t, h.nodes[i].Adopt(t.Context(), two, nil))
			require.Equal(t, two.ID(), h.nodes[i].Group().ID())
		}
		require.Equal(t, one.ID(), h.nodes[0].OwnGroup().ID())
		require.Equal(t, two.ID(), h.nodes[1].OwnGroup().ID())
		require.ErrorIs(t, h.nodes[0].CanMakeBlocks(two), ephemera.ErrNotMember)
		require.NoError(t, h.nodes[1].CanMakeBlocks(two), "it is not muted in a later group")
	})
}

func TestPeersAreThoseOfTheNewestList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		c.include = mempool.Own
		link := c.link
		c.link = func(i int) transport.Transport { return dialler{link(i), &dials{}} }
		peer := func(i int, name, address string) membership.Peer {
			return membership.Peer{Key: c.keys[i].Public(), Name: name, Addresses: []string{address}}
		}
		c.peers = []membership.Peer{peer(2, "two", "a"), peer(0, "self", "b"), peer(1, "one", "c")}
		node, cancel, result := c.begin(0)
		listed := []membership.Peer{peer(0, "self", "b"), peer(1, "one", "c"), peer(2, "two", "a")}
		require.Equal(t, listed, node.Peers(), "before the node runs")
		<-node.Running()
		require.Equal(t, listed, node.Peers())

		moved, unnamed := peer(1, "one", "d"), membership.Peer{Key: c.keys[2].Public()}
		require.NoError(t, node.Adopt(t.Context(), c.group, []membership.Peer{moved, unnamed}))
		listed[1] = moved
		require.Equal(t, listed, node.Peers())
		cancel()
		require.NoError(t, <-result)
		require.Equal(t, listed, node.Peers(), "after it stopped")
	})
}
