package ephemera_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// refusal is why a store takes no writes, or nil.
type refusal struct{ atomic.Pointer[error] }

// refusing is a store that another program locks, or whose disk is full, from time to time.
type refusing struct {
	store.Store
	why *refusal
}

func (s refusing) Commit(ctx context.Context, writes []store.Write) error {
	if err := s.why.Load(); err != nil {
		return *err
	}
	return s.Store.Commit(ctx, writes)
}

// A member whose store, or record of votes, takes no writes signs nothing, does not end, and takes
// part again once it does.
func TestNodeWaitsForItsStore(t *testing.T) {
	for name, test := range map[string]struct {
		why    error
		record bool
	}{"locked": {store.ErrBusy, false}, "full": {store.ErrFull, false}, "no room for the record": {store.ErrFull, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
				c.refuses = map[int]*refusal{0: {}}
				c.startAll()
				defer c.stopAll()
				c.submit(0, "before")
				for i := range c.keys {
					c.awaitHeight(i, 0, 1)
				}
				time.Sleep(time.Minute) // in virtual time; nothing is open afterwards
				require.NoError(t, c.nodes[0].StoreWaits())
				known, height := len(c.boards[0].all()), len(c.boards[1].blocks(c.keys[1].Public()))

				refuses := c.refuses[0]
				if test.record {
					refuses = &c.votes[0].refuses
				}
				refuses.Store(&test.why)
				c.submit(1, "meanwhile")
				for i := 1; i < len(c.keys); i++ {
					c.awaitHeight(i, 1, height+1)
				}
				time.Sleep(10 * time.Minute) // in virtual time
				require.ErrorIs(t, c.nodes[0].StoreWaits(), test.why)
				require.Len(t, c.boards[0].all(), known)
				held, err := c.nodes[1].CertifiedByID(t.Context(), c.boards[1].blocks(c.keys[1].Public())[height].ID())
				require.NoError(t, err)
				require.False(t, held.Certificate.Signed(0))

				refuses.Store(nil)
				c.awaitHeight(0, 1, height+1)
				own := len(c.boards[0].blocks(c.keys[0].Public()))
				c.submit(0, "after")
				for i := range c.keys {
					c.awaitHeight(i, 0, own+1)
				}
				require.NoError(t, c.nodes[0].StoreWaits())
			})
		})
	}
}

// A node can be stopped, and started, while its store takes no writes.
func TestNodeStopsWhileItWaitsForItsStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		c.refuses = map[int]*refusal{0: {}}
		c.refuses[0].Store(&store.ErrBusy)
		_, cancel, result := c.begin(0)
		time.Sleep(time.Minute)
		cancel()
		require.NoError(t, soon(t, result))
	})
}
