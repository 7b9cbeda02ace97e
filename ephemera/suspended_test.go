package ephemera_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// A member's machine is suspended, for minutes and for longer than messages live. Its connections
// are lost, and when it wakes its wall clock is ahead of the clock with which it measures waits,
// which stood still. Its own message is certified within a minute, as are those that clients dated
// by the right clock; it has the blocks that it missed, is not muted, and signs no slot twice.
func TestASuspendedMemberTakesPartAgainInTime(t *testing.T) {
	for _, asleep := range []time.Duration{5 * time.Minute, 3 * time.Hour} {
		t.Run(asleep.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { sleepAndWake(t, asleep) })
		})
	}
}

func sleepAndWake(t *testing.T, asleep time.Duration) {
	const sleeper = 3
	c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
	var said lockedBuffer
	c.logger = slog.New(slog.NewTextHandler(&said, nil))
	// In virtual time all waits run on. What differs for the sleeper is that the right time is ahead
	// of its waits by the time that it slept, so the right time jumps when it wakes.
	wall := &wallClock{}
	c.walls = map[int]func() time.Time{}
	for i := range 4 {
		c.walls[i] = wall.now
	}
	c.startAll()
	defer c.stopAll()
	c.submit(sleeper, "before")
	c.awaitHeight(0, sleeper, 1)
	unsent, err := c.nodes[sleeper].SubmitPayload(t.Context(), "notice", []byte("submitted just before"))
	require.NoError(t, err)
	var others, self []keys.Public
	for i, key := range c.keys {
		if i == sleeper {
			self = append(self, key.Public())
		} else {
			others = append(others, key.Public())
		}
	}
	c.network.Partition(others, self)
	for i := range 30 {
		c.submit(i%3, fmt.Sprint("meanwhile ", i))
		pass(2 * time.Second)
	}
	wall.ahead.Store(int64(asleep))
	c.network.Heal()

	begin := time.Now()
	own, err := c.nodes[sleeper].SubmitPayload(t.Context(), "notice", []byte("after waking"))
	require.NoError(t, err)
	for i := range 4 {
		c.awaitMessage(i, sleeper, own)
	}
	took := time.Since(begin)
	t.Logf("certified and delivered everywhere %s after waking", took)
	require.Less(t, took, time.Minute)
	for i := range 4 {
		c.awaitMessage(i, sleeper, unsent)
		for creator := range 3 {
			c.awaitHeight(i, creator, 1)
			require.Eventually(t, func() bool {
				return len(c.boards[i].blocks(c.keys[creator].Public())) == len(c.boards[creator].blocks(c.keys[creator].Public()))
			}, time.Minute, time.Second)
		}
		require.Zero(t, c.votes[i].muted.Load())
	}
	require.Len(t, c.nodes[0].Online(), 3)
	for _, wrong := range []string{"cut off", "lost", "level=ERROR"} {
		require.False(t, strings.Contains(said.String(), wrong), "%s: %s", wrong, said.String())
	}
}
