package simulation

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

func loadedWorld() *world {
	return newWorld(Schedule{Seed: 1, Nodes: 4, Members: []int{0, 1, 2, 3}, LinkRate: 1000, Costs: measuredCosts(1), Deadline: 1000}, Options{})
}

// The queue of a link is bounded in frames and bytes, and stops while the receiver does not read.
func TestLinksAreBoundedAndStopForTheirReceiver(t *testing.T) {
	w := loadedWorld()
	frame := wire.GetMessages{IDs: make([]block.MessageID, 30)}
	for range w.bounds.QueueFrames + 5 {
		w.send(0, 1, frame)
	}
	l := w.linkOf(0, 1)
	require.Len(t, l.waiting, w.bounds.QueueFrames)
	require.Equal(t, 4, w.stats.Dropped) // one is being sent
	for w.queue.len() > 0 {
		_, o := w.queue.pop()
		if o.kind == sent {
			w.transmitted(o)
		}
	}
	require.GreaterOrEqual(t, l.unread, window)
	require.Less(t, l.unread, window+w.pack(frame, nil).size)
	w.disconnect(0, 1)
	require.Zero(t, l.bytes+l.unread+len(l.waiting))
}

// A peer above its rate waits, and one that sends too much garbage is cut off for a while.
func TestConductIsJudged(t *testing.T) {
	w := loadedWorld()
	w.begin()
	c := w.nodes[0].conduct
	for range w.bounds.FramesBurst {
		require.Zero(t, c.delay(1, 1))
	}
	require.InDelta(t, 1_000_000/w.bounds.FramesPerSecond, c.delay(1, 1), 1)
	for range w.bounds.Conduct.Patience / malformed {
		require.False(t, w.apart(0, 2))
		c.penalise(2, malformed)
	}
	c.penalise(2, malformed)
	require.True(t, w.apart(2, 0))
	w.now += w.bounds.Conduct.First.Microseconds()
	require.False(t, w.apart(0, 2))
}

// What was verified is cheap the next time, until too much else was verified.
func TestWhatWasVerifiedIsRemembered(t *testing.T) {
	p := newPrints()
	for i := range uint64(3 * maxPrints) {
		require.False(t, p.has(i))
		p.add(i)
		require.True(t, p.has(i))
	}
	require.False(t, p.has(0))
	require.True(t, p.has(2*maxPrints-1))
}
