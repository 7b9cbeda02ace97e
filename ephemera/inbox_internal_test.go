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
		b := newInbox()
		fast, slow := engine.Received{From: keys.Public{1}}, engine.Received{From: keys.Public{2}}
		for range 4 {
			go func() {
				for ctx.Err() == nil {
					b.put(ctx, fast)
				}
			}()
		}
		synctest.Wait()
		require.Len(t, b.events, inboxShare)
		b.put(ctx, slow)
		b.put(ctx, engine.Wake{})
		for range inboxShare {
			require.Equal(t, fast, <-b.events)
		}
		require.Equal(t, slow, <-b.events)
		require.Equal(t, engine.Wake{}, <-b.events)
		b.took(slow, engine.Wake{})
		for range inboxShare {
			b.took(fast)
		}
		synctest.Wait()
		require.Len(t, b.events, inboxShare, "it may send again once the loop has taken its frames")
		cancel()
		synctest.Wait()
		for range inboxShare {
			b.took(<-b.events)
		}
		require.Empty(t, b.frames)
		require.Zero(t, b.waiting)
	})
}

// A frame that gives up because the node stops does not count.
func TestFullInboxKeepsNobodyWaitingAtTheEnd(t *testing.T) {
	b := newInbox()
	for range inboxEvents {
		b.put(t.Context(), engine.Wake{})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	b.put(ended, engine.Received{From: keys.Public{1}})
	require.Empty(t, b.frames)
	require.Len(t, b.events, inboxEvents)
}
