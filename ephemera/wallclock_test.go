package ephemera_test

import (
	"fmt"
	"slices"
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

// wallClock is a wall clock that can be set.
type wallClock struct{ ahead atomic.Int64 }

func (w *wallClock) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// holding returns the heights at which a creator's blocks hold a message, as node i delivered them.
func (c *cluster) holding(i, creator int, id block.MessageID) (heights []uint64) {
	for _, b := range c.boards[i].blocks(c.keys[creator].Public()) {
		if slices.Contains(b.MessageIDs(), id) {
			heights = append(heights, b.Header.Height)
		}
	}
	return heights
}

// awaitMessage waits until node i has delivered a message in a block of a creator.
func (c *cluster) awaitMessage(i, creator int, m block.Message) {
	c.t.Helper()
	c.boards[i].await(c.t, func() bool { return len(c.holding(i, creator, m.ID())) > 0 })
}

const year = 365 * 24 * time.Hour

// A wrong wall clock is healed when it is set right, as NTP does after boot: messages that others
// date by right clocks are certified by this member, and its own ones by the others, as before.
func TestStepsOfTheWallClockHeal(t *testing.T) {
	for _, ahead := range []time.Duration{-25 * year, -2 * time.Hour, 2 * time.Hour, 25 * year} {
		for _, boot := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, at boot %t", ahead, boot), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { wrongForAWhile(t, ahead, boot) })
			})
		}
	}
}

func wrongForAWhile(t *testing.T, ahead time.Duration, boot bool) {
	c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
	wall := &wallClock{}
	c.walls = map[int]func() time.Time{1: wall.now}
	for _, i := range []int{0, 2, 3} {
		c.boards[i].enough = 2 // so that they keep the first message
	}
	if boot {
		wall.ahead.Store(int64(ahead))
	}
	c.startAll()
	defer c.stopAll()
	wall.ahead.Store(int64(ahead))
	before := c.submit(0, "while its clock is wrong")
	own, err := c.nodes[1].SubmitPayload(t.Context(), "notice", []byte("dated wrong"))
	require.NoError(t, err)
	c.awaitMessage(1, 1, own)
	time.Sleep(5 * time.Second)
	require.Empty(t, c.holding(1, 1, before.ID()), "the wrong clock refuses it")

	wall.ahead.Store(0)
	time.Sleep(5 * time.Second)
	c.awaitMessage(1, 1, before)
	after := c.submit(0, "when its clock is right")
	c.awaitMessage(1, 1, after)
	for i := range 4 {
		c.awaitMessage(i, 0, after)
	}
}

// While the clock of a member is set forward and back, its messages are certified, and none twice.
func TestNothingIsIncludedTwiceAfterSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		c.include = mempool.Own
		wall := &wallClock{}
		c.walls = map[int]func() time.Time{0: wall.now}
		c.startAll()
		defer c.stopAll()
		first := c.submit(0, "first")
		c.awaitMessage(0, 0, first)
		for i, ahead := range []time.Duration{25 * year, 0, -10 * year, 0} {
			wall.ahead.Store(int64(ahead))
			c.stop[0]()
			c.start(0) // its memory is empty and starts by the clock of this moment
			m, err := c.nodes[0].SubmitPayload(t.Context(), "notice", fmt.Append(nil, i))
			require.NoError(t, err)
			c.awaitMessage(0, 0, m)
			wall.ahead.Store(0)
			time.Sleep(2 * time.Second) // until its next round
			require.ErrorIs(t, c.nodes[0].Submit(t.Context(), first), mempool.ErrDuplicate, "after a step from %s", ahead)
			time.Sleep(time.Second)
			require.Len(t, c.holding(0, 0, first.ID()), 1)
		}
	})
}

// A message whose ID the store has forgotten, long after it was included, is not accepted again by
// a node that restarts with its clock set back to when the message was new.
func TestForgottenMessageIsNotAcceptedByAClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		c.include, c.retention = mempool.Own, ephemera.Retention{Blocks: 1}
		wall := &wallClock{}
		c.walls = map[int]func() time.Time{0: wall.now}
		c.startAll()
		defer c.stopAll()
		first := c.submit(0, "first")
		c.awaitMessage(0, 0, first)
		c.awaitMessage(0, 0, c.submit(0, "second"))
		time.Sleep(2 * time.Hour)
		wall.ahead.Store(int64(-2 * time.Hour))
		c.stop[0]()
		c.start(0)
		require.ErrorIs(t, c.nodes[0].Submit(t.Context(), first), mempool.ErrExpired)
		wall.ahead.Store(0)
		time.Sleep(2 * time.Second)
		c.awaitMessage(0, 0, c.submit(0, "its clock is right again"))
	})
}
