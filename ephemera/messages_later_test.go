package ephemera_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// moody is an application whose CheckMessage may be away, which means later, or hang until its
// context is done or it is released. It makes no blocks.
type moody struct {
	*board
	away  atomic.Bool
	hangs chan struct{} // nil: does not hang
	asked atomic.Int64
}

func (a *moody) CheckMessage(ctx context.Context, m block.Message) ephemera.Decision {
	a.asked.Add(1)
	if a.hangs != nil {
		select {
		case <-a.hangs:
		case <-ctx.Done():
			return ephemera.Later("no answer in time")
		}
	}
	if a.away.Load() {
		return ephemera.Later("nobody is there")
	}
	return a.board.CheckMessage(ctx, m)
}

func (a *moody) NextBlock(context.Context, ephemera.Turn) []block.MessageID { return nil }

// startWith starts the last node of a cluster with an application of its own.
func (c *cluster) startWith(i int, app ephemera.Application) {
	c.t.Helper()
	opened, err := c.disks[i].Open()
	require.NoError(c.t, err)
	node, err := ephemera.New(ephemera.Config{
		Key: c.keys[i], Group: c.group, Store: opened, Transport: c.link(i), Include: c.include, Votes: c.votes[i],
	}, app)
	require.NoError(c.t, err)
	c.nodes[i] = node
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(node.Run(ctx), opened.Close()) }()
	c.stop[i] = func() {
		cancel()
		require.NoError(c.t, <-ended)
	}
	<-node.Running()
}

func (c *cluster) messagesAt(i int) int {
	c.t.Helper()
	status, err := c.nodes[i].Status(c.t.Context())
	require.NoError(c.t, err)
	return status.Messages
}

// A message that came while the application was away for ten seconds gets into the mempool once the
// application is back: at once if it wakes the node, else when it is asked again.
func TestApplicationAwayLosesNoMessage(t *testing.T) {
	for name, wakes := range map[string]bool{"wake": true, "no wake": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
				for i := range 3 {
					c.boards[i].enough = 100 // nobody makes a block
					c.start(i)
				}
				defer c.stopAll()
				app := &moody{board: c.boards[3]}
				app.away.Store(true)
				c.startWith(3, app)
				time.Sleep(time.Second)
				c.submit(0, "report")
				time.Sleep(10 * time.Second)
				require.Zero(t, c.messagesAt(3))
				require.LessOrEqual(t, app.asked.Load(), int64(6), "the wait doubles")
				app.away.Store(false)
				within := 10 * time.Second
				if wakes {
					c.nodes[3].Wake()
					within = time.Millisecond
				}
				time.Sleep(within)
				require.Equal(t, 1, c.messagesAt(3))
			})
		})
	}
}

// While CheckMessage hangs, a node receives what all peers send, echoes their blocks and stores
// their certificates. Blocks get the bodies for whose messages the application gives no answer. A
// submission is answered after a while. Once it answers again, nothing is missing.
func TestHangingCheckMessageHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		app := &moody{board: c.boards[3], hangs: make(chan struct{})}
		c.start(0)
		c.start(1) // with the third, they are a quorum only if it echoes
		c.startWith(3, app)
		defer c.stopAll()
		time.Sleep(time.Second)
		const blocks = 30 // more than are asked about at a time
		begin := time.Now()
		for i := range blocks {
			c.submit(i%2, "report "+time.Now().String())
			c.awaitHeight(3, i%2, i/2+1)
		}
		require.Less(t, time.Since(begin), 10*time.Second)
		require.Positive(t, app.asked.Load())

		begin = time.Now()
		require.ErrorIs(t, c.nodes[3].Submit(t.Context(), c.message(c.keys[3], "own")), ephemera.ErrLater)
		require.LessOrEqual(t, time.Since(begin), 11*time.Second)
		require.Zero(t, c.messagesAt(3))
		close(app.hangs)
		time.Sleep(10 * time.Second)
		require.Equal(t, blocks, c.messagesAt(3), "all are candidates of its own blocks")
	})
}

// What the application rejects is not asked about again, and what it postpones leaves when it
// expires.
func TestPostponedMessageExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		c.include = mempool.All
		c.boards[0].enough = 100
		c.boards[0].lenient.Store(true)
		c.start(0)
		defer c.stopAll()
		app := &moody{board: c.boards[1]}
		c.startWith(1, app)
		time.Sleep(time.Second)
		require.NoError(t, c.nodes[0].Submit(t.Context(), c.labelled(0, "refused")))
		time.Sleep(time.Minute)
		require.EqualValues(t, 1, app.asked.Load())
		require.NoError(t, c.nodes[0].Submit(t.Context(), c.labelled(0, "later")))
		time.Sleep(time.Hour)
		before := app.asked.Load()
		require.Greater(t, before, int64(400))
		require.Less(t, before, int64(500))
		time.Sleep(10 * time.Minute)
		require.Equal(t, before, app.asked.Load())
		require.Zero(t, c.messagesAt(1))
	})
}
