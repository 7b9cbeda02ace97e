package ephemera

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// However fast a peer sends, the frame of another one waits behind a share of its frames only.
func TestOnePeerFillsItsShareOfTheInboxOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		n := &Node{inbox: make(chan engine.Event, inboxEvents)}
		fast, slow := engine.Received{From: keys.Public{1}}, engine.Received{From: keys.Public{2}}
		for range 4 {
			go func() {
				for ctx.Err() == nil {
					n.post(ctx, fast)
				}
			}()
		}
		synctest.Wait()
		require.Len(t, n.inbox, inboxShare)
		n.post(ctx, slow)
		n.post(ctx, engine.Wake{})
		for range inboxShare {
			require.Equal(t, fast, <-n.inbox)
		}
		require.Equal(t, slow, <-n.inbox)
		require.Equal(t, engine.Wake{}, <-n.inbox)
		n.shares.leave(slow, engine.Wake{})
		for range inboxShare {
			n.shares.leave(fast)
		}
		synctest.Wait()
		require.Len(t, n.inbox, inboxShare, "it may send again once the loop has taken its frames")
		cancel()
		synctest.Wait()
		for range inboxShare {
			n.shares.leave(<-n.inbox)
		}
		require.Empty(t, n.shares.frames)
		require.Zero(t, n.shares.waiting)
	})
}

// A frame that gives up because the node stops does not count.
func TestFullInboxKeepsNobodyWaitingAtTheEnd(t *testing.T) {
	n := &Node{inbox: make(chan engine.Event, inboxEvents)}
	for range inboxEvents {
		n.post(t.Context(), engine.Wake{})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	n.post(ended, engine.Received{From: keys.Public{1}})
	require.Empty(t, n.shares.frames)
	require.Len(t, n.inbox, inboxEvents)
}
