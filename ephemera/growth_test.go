package ephemera_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// A member whose clients submit more than its rate slows down by itself. Every message is
// certified, and no other member ever lets a block of it wait.
func TestCreatorPacesItselfAndNobodyElseHasTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		c.include, c.rate = mempool.Own, ephemera.ChainRate{PerSecond: 2000, Burst: 8000}
		c.startAll()
		defer c.stopAll()
		start := time.Now()
		const blocks = 20
		for i := range blocks {
			c.submit(1, fmt.Sprint(i, strings.Repeat("x", 500)))
			c.awaitHeight(1, 1, i+1)
		}
		for i := range 4 {
			c.awaitHeight(i, 1, blocks)
			require.Zero(t, c.nodes[i].Postponed(), "node %d", i)
		}
		const price = 512 + 4*64 + 128 + 500 // of one block, at least
		least := time.Duration(blocks*price-8000/2-2*price) * time.Second / 1800
		require.GreaterOrEqual(t, time.Since(start), least)
	})
}

// A node without disk space makes and accepts no blocks, but stores those that others certify. All
// continues by itself once there is space.
func TestNodeWithoutSpaceFollowsAndContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		var said lockedBuffer
		c.include, c.logger = mempool.Own, slog.New(slog.NewTextHandler(&said, nil))
		c.free = map[int]*atomic.Int64{3: {}}
		c.free[3].Store(99)
		c.startAll()
		defer c.stopAll()
		pass(time.Minute)
		space := c.nodes[3].DiskSpace()
		require.True(t, space.Waiting() && space.Stopped())
		require.Equal(t, ephemera.DiskSpace{Free: 99, Total: 1 << 20, Low: 1000, Critical: 100}, space)
		c.submit(0, "certified by the others")
		c.awaitHeight(3, 0, 1)
		require.Equal(t, uint64(1), c.nodes[3].Postponed().Space)
		c.submit(3, "waits")
		pass(25 * time.Minute)
		require.Empty(t, c.boards[0].blocks(c.keys[3].Public()))
		status, err := c.nodes[3].Status(t.Context())
		require.NoError(t, err)
		require.True(t, status.Waits)
		c.free[3].Store(5000)
		c.awaitHeight(0, 3, 1)
		c.submit(0, "second")
		c.awaitHeight(3, 0, 2)
		require.Equal(t, uint64(1), c.nodes[3].Postponed().Space)
		require.False(t, c.nodes[3].DiskSpace().Waiting())
		status, err = c.nodes[3].Status(t.Context())
		require.NoError(t, err)
		require.False(t, status.Waits)
		text := said.String()
		require.Equal(t, 3, strings.Count(text, "disk is nearly full"), "at first, and every ten minutes: %s", text)
		require.Equal(t, 1, strings.Count(text, "disk has space again"))
	})
}

// Between the thresholds a node still makes blocks, and warns.
func TestNodeWithLittleSpaceWarns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		var said lockedBuffer
		c.include, c.logger = mempool.Own, slog.New(slog.NewTextHandler(&said, nil))
		c.free = map[int]*atomic.Int64{3: {}}
		c.free[3].Store(500)
		c.startAll()
		defer c.stopAll()
		pass(time.Minute)
		c.submit(3, "its own")
		c.awaitHeight(0, 3, 1)
		require.Equal(t, 1, strings.Count(said.String(), "disk is filling"))
		require.True(t, c.nodes[3].DiskSpace().Waiting())
		require.False(t, c.nodes[3].DiskSpace().Stopped())
	})
}

func TestThresholdsThatContradictEachOtherAreRefused(t *testing.T) {
	c := newCluster(t, 1, memory.Config{})
	config := ephemera.Config{Key: c.keys[0], Group: c.group, Votes: ephemera.VotesKeptNowhere{}, Transport: c.link(0)}
	var err error
	config.Store, err = c.disks[0].Open()
	require.NoError(t, err)
	require.NoError(t, config.Validate())
	for want, change := range map[string]func(*ephemera.Config){
		"Disk.Critical is 5 and Low 4":      func(c *ephemera.Config) { c.Disk.Low, c.Disk.Critical = 4, 5 },
		"Disk.Low is -1":                    func(c *ephemera.Config) { c.Disk.Low = -1 },
		"ChainRate is 5 bytes a second":     func(c *ephemera.Config) { c.ChainRate.PerSecond = 5 },
		"a second with a burst of 11258999": func(c *ephemera.Config) { c.ChainRate = ephemera.ChainRate{PerSecond: 1, Burst: 1<<50 + 1} },
	} {
		changed := config
		change(&changed)
		require.ErrorContains(t, changed.Validate(), want)
	}
}

// The default thresholds leave room for a block of each member, and exist on small disks, too.
func TestDefaultThresholds(t *testing.T) {
	c := newCluster(t, 4, memory.Config{})
	for _, e := range []struct {
		disk          ephemera.Disk
		total         int64
		low, critical int64
	}{
		{total: 1 << 40, low: 1 << 30, critical: 1 << 28},
		{total: 10 << 30, low: 10 << 30 / 20, critical: 10 << 30 / 80},
		{disk: ephemera.Disk{Low: 1000}, total: 1 << 40, low: 1000, critical: 250},
		{disk: ephemera.Disk{Critical: 2 << 30}, total: 1 << 40, low: 2 << 30, critical: 2 << 30},
	} {
		low, critical := e.disk.Thresholds(c.group, e.total)
		require.Equal(t, []int64{e.low, e.critical}, []int64{low, critical})
	}
}
