package ephemera_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

func TestOnlyMembersAndClientsSubmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, stranger := keys.FromSeed([32]byte{1}), keys.FromSeed([32]byte{2})
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		c.clients, c.include = []keys.Public{client.Public()}, mempool.Own
		c.startAll()
		defer c.stopAll()
		refused := c.message(stranger, "of a stranger")
		require.ErrorIs(t, c.nodes[0].Submit(t.Context(), refused), ephemera.ErrUnknownSender)
		require.NoError(t, c.nodes[0].Submit(t.Context(), c.message(client, "of a client")))
		c.awaitHeight(3, 0, 1)

		own, err := c.nodes[0].SubmitPayload(t.Context(), "notice", []byte("of a member"))
		require.NoError(t, err)
		require.Equal(t, c.keys[0].Public(), own.Sender())
		require.True(t, own.Verify())
		c.awaitHeight(3, 0, 2)
		require.ErrorIs(t, c.nodes[0].Submit(t.Context(), own), mempool.ErrDuplicate)
		require.ErrorIs(t, c.nodes[3].Submit(t.Context(), own), mempool.ErrDuplicate, "it is in another member's block")
	})
}

func TestTimesAndChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		c.startAll()
		defer c.stopAll()
		changed := c.nodes[2].Changed()
		before := time.Now().UnixMilli()
		c.submit(1, "a notice")
		<-changed
		c.awaitHeight(2, 1, 1)
		held, err := c.nodes[2].Certified(t.Context(), block.Slot{Group: c.group.ID(), Creator: c.keys[1].Public(), Height: 1})
		require.NoError(t, err)
		times, ok := c.nodes[2].Times(held.Block.ID())
		require.True(t, ok)
		require.LessOrEqual(t, before, times.Proposed)
		require.LessOrEqual(t, times.Proposed, times.Certified)
		require.LessOrEqual(t, times.Certified, times.Delivered)
		_, ok = c.nodes[2].Times(block.ID{1})
		require.False(t, ok)
		_, err = c.nodes[2].CertifiedByID(t.Context(), block.ID{1})
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

func TestHeldGroupContinuesAlongsideTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		c.hold, c.include = true, mempool.Own
		c.startAll()
		defer c.stopAll()
		two, err := membership.NewGroup(network, 2, c.group.Members(), membership.Limits{})
		require.NoError(t, err)
		for _, node := range c.nodes {
			require.NoError(t, node.Adopt(t.Context(), two, nil))
		}
		old, free := c.message(c.keys[0], "for the old group"), c.message(c.keys[0], "for any group")
		require.NoError(t, c.nodes[0].SubmitIn(t.Context(), old, c.group.ID()))
		require.NoError(t, c.nodes[0].Submit(t.Context(), free))
		require.ErrorIs(t, c.nodes[0].SubmitIn(t.Context(), c.message(c.keys[0], "lost"), membership.ID{1}), ephemera.ErrClosed)
		c.awaitHeight(3, 0, 2)
		groups := map[membership.ID]block.MessageID{}
		for _, b := range c.boards[3].all() {
			require.Len(t, b.Messages, 1)
			groups[b.Header.Group] = b.Messages[0].ID()
		}
		require.Equal(t, map[membership.ID]block.MessageID{c.group.ID(): old.ID(), two.ID(): free.ID()}, groups)

		// The remaining messages of a closed group go into the newest.
		c.boards[0].enough = 2
		left := c.message(c.keys[0], "left")
		require.NoError(t, c.nodes[0].SubmitIn(t.Context(), left, c.group.ID()))
		require.NoError(t, c.nodes[0].CloseGroup(t.Context(), c.group.ID()))
		require.ErrorIs(t, c.nodes[0].SubmitIn(t.Context(), c.message(c.keys[0], "late"), c.group.ID()), ephemera.ErrClosed)
		require.NoError(t, c.nodes[0].Submit(t.Context(), c.message(c.keys[0], "alongside")))
		c.awaitHeight(3, 0, 3)
		last := c.boards[3].all()[2]
		require.Equal(t, two.ID(), last.Header.Group)
		require.Contains(t, last.MessageIDs(), left.ID())
	})
}
