package p2p

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGossipOfOnePeerIsBounded(t *testing.T) {
	g := newGossiping(8, 4, 1000)
	require.True(t, g.enter(t.Context(), 600))
	require.False(t, g.enter(t.Context(), 401), "too many bytes")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.False(t, g.enter(ended, 400), "it is another frame's turn")
	require.True(t, g.add(400), "a frame that gave up does not count")
	g.remove(400)
	g.leave(600)
	require.True(t, g.enter(t.Context(), 1000))
	g.leave(1000)
	for range leastGossip {
		require.True(t, g.add(1))
	}
	require.False(t, g.add(1), "too many frames")
	require.Equal(t, 150, newGossiping(600, 4, 1).maxFrames)
}

// A peer whose gossip takes long delays only itself: its frames wait for each other, and the gossip
// of another peer is passed on meanwhile.
func TestGossipOfOnePeerTakesTurns(t *testing.T) {
	made, receiver, honest, evil := victim(t)
	proceed := make(chan struct{})
	receiver.hold.Lock()
	receiver.evil = proceed
	receiver.hold.Unlock()
	stream := gossipStream(t, evil, made)
	for i := range 3 {
		_, err := stream.Write(rpc(t, fmt.Appendf(nil, "evil %d", i)))
		require.NoError(t, err)
	}
	require.Contains(t, string(next(t, receiver.gossip)), "evil")
	require.Eventually(t, func() bool { return honest.Publish([]byte("other")) && len(receiver.gossip) > 0 }, patience, 10*time.Millisecond)
	require.Equal(t, "other", string(next(t, receiver.gossip)))
	for range 2 {
		proceed <- struct{}{}
		for frame := ""; !strings.Contains(frame, "evil"); {
			frame = string(next(t, receiver.gossip))
		}
	}
	proceed <- struct{}{}
}
