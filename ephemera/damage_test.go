package ephemera_test

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/local"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	storememory "github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// The tests in this file change what a node has stored, as a failing disk may do.

var written, later, rotten = []byte("one hundred"), []byte("ten hundred"), []byte("two hundred")

// rottenCluster is a cluster in which no frame may contain the rotten payload.
func rottenCluster(t *testing.T) *cluster {
	c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond), Drop: func(f memory.Frame) bool {
		if bytes.Contains(f.Data, rotten) {
			t.Error("a rotten body is sent")
		}
		return false
	}})
	c.include = mempool.Own
	c.startAll()
	c.submit(0, string(written))
	for i := range c.keys {
		c.awaitHeight(i, 0, 1)
	}
	return c
}

func (c *cluster) firstSlot() block.Slot {
	return block.Slot{Group: c.group.ID(), Creator: c.keys[0].Public(), Height: 1}
}

func TestRottenBodyIsNotServedAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rottenCluster(t)
		defer c.stopAll()
		right, err := c.nodes[1].Certified(t.Context(), c.firstSlot())
		require.NoError(t, err)
		require.NotZero(t, c.disks[1].Rot(written, rotten))

		a := local.New(c.nodes[1], local.Config{})
		_, err = c.nodes[1].CertifiedByID(t.Context(), right.Block.ID())
		require.ErrorIs(t, err, store.ErrCorrupt)
		_, err = a.QueryBlockByHash(t.Context(), right.Block.ID())
		require.ErrorIs(t, err, api.Unavailable)
		health, err := a.Health(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, health.Damaged)
		require.Equal(t, ephemera.Damage{Reads: 2, Blocks: 1}, c.nodes[1].Damage())

		pass(2 * time.Second)
		healed, err := c.nodes[1].CertifiedByID(t.Context(), right.Block.ID())
		require.NoError(t, err)
		require.Equal(t, right.Block.Encode(), healed.Block.Encode())
		require.Equal(t, ephemera.Damage{Reads: 2, Repaired: 1}, c.nodes[1].Damage())
	})
}

// A subscriber that reads history gets the right block as soon as it was fetched, and misses none.
func TestSubscriberWaitsForARottenBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rottenCluster(t)
		defer c.stopAll()
		c.submit(0, "another")
		c.awaitHeight(1, 0, 2)
		require.NotZero(t, c.disks[1].Rot(written, rotten))
		var got []string
		for entry, err := range local.New(c.nodes[1], local.Config{}).Subscribe(t.Context(), api.Subscription{}) {
			require.NoError(t, err)
			got = append(got, string(entry.Block.Messages[0].Payload))
			if len(got) == 2 {
				break
			}
		}
		require.Equal(t, []string{string(written), "another"}, got)
	})
}

// A member that lost everything asks members of which one holds a rotten body.
func TestMemberCatchesUpWhileABodyIsRotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rottenCluster(t)
		defer c.stopAll()
		c.stop[3]()
		require.NotZero(t, c.disks[1].Rot(written, rotten))
		require.NotZero(t, c.disks[2].Rot(written, rotten))
		c.disks[3], c.boards[3] = storememory.NewDisk(), newBoard(1)
		c.votes[3].muted.Store(1)
		c.start(3)
		c.awaitHeight(3, 0, 1)
		require.Equal(t, written, c.boards[3].blocks(c.keys[0].Public())[0].Messages[0].Payload())
	})
}

// A node that stopped before it delivered a block finds it rotten when it starts again.
func TestRottenBlockIsDeliveredOnceItWasFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rottenCluster(t)
		defer c.stopAll()
		c.stop[1]()
		c.boards[1] = newBoard(1)
		c.boards[1].gate = make(chan struct{})
		c.start(1)
		c.submit(0, string(later))
		c.awaitHeight(2, 0, 2)
		pass(time.Second)
		c.stop[1]()
		require.NotZero(t, c.disks[1].Rot(later, rotten))
		c.boards[1] = newBoard(1)
		c.start(1)
		c.boards[1].await(t, func() bool {
			return slices.ContainsFunc(c.boards[1].all(), func(b block.Block) bool { return string(b.Messages[0].Payload()) == string(later) })
		})
		require.Equal(t, uint64(1), c.nodes[1].Damage().Repaired)
	})
}
