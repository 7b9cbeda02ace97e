package ephemera_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
)

// labelled returns a message with a label that a board rejects or postpones.
func (c *cluster) labelled(sender int, label string) block.Message {
	c.t.Helper()
	m, err := block.NewMessage(c.keys[sender], network, label, []byte("judge me"), time.Now().UnixMilli())
	require.NoError(c.t, err)
	return m
}

// soon returns the result of Run.
func soon(t *testing.T, result <-chan error) error {
	t.Helper()
	select {
	case err := <-result:
		return err
	case <-time.After(time.Minute): // virtual
		t.Fatal("Run does not end")
		return nil
	}
}

// A zero Decision ends Run with an error that names the method, and so does a panic.
func TestMissingVerdictEndsRun(t *testing.T) {
	zero := func(block.Block) ephemera.Decision { return ephemera.Decision{} }
	panics := func(block.Block) ephemera.Decision { panic("no idea") }
	for name, test := range map[string]struct {
		label string
		block func(block.Block) ephemera.Decision
		want  string
	}{
		"block, zero":    {"notice", zero, "application answered CheckBlock with the zero Decision: return Accept, Reject or Later"},
		"block, panic":   {"notice", panics, "application panicked: no idea"},
		"message, zero":  {"forgotten", nil, "application answered CheckMessage with the zero Decision: return Accept, Reject or Later"},
		"message, panic": {"panic", nil, "application panicked: no idea"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 1, memory.Config{})
				c.boards[0].verdict = test.block
				node, cancel, result := c.run(0)
				defer cancel()
				submitted := node.Submit(t.Context(), c.labelled(0, test.label))
				ended := soon(t, result)
				require.ErrorContains(t, ended, test.want)
				if test.block == nil {
					require.ErrorContains(t, submitted, test.want, "the caller gets the error, too")
				}
				if test.label == "forgotten" {
					require.ErrorIs(t, ended, verdict.ErrZero)
				}
			})
		})
	}
}

// A zero Decision about a message of another member also ends Run.
func TestMissingVerdictAboutGossipEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, memory.Config{Gossip: true})
		c.boards[0].lenient.Store(true)
		c.start(0)
		defer c.stopAll()
		_, cancel, result := c.run(1)
		defer cancel()
		require.NoError(t, c.nodes[0].Submit(t.Context(), c.labelled(0, "forgotten")))
		require.ErrorIs(t, soon(t, result), verdict.ErrZero)
	})
}

// The node forgets a message that CheckMessage postpones, whether it was submitted or received from
// another member.
func TestPostponedMessageMayBeSubmittedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, memory.Config{Gossip: true})
		c.startAll()
		defer c.stopAll()
		m := c.labelled(0, "later")
		for range 2 {
			err := c.nodes[0].Submit(t.Context(), m)
			require.ErrorIs(t, err, ephemera.ErrLater)
			require.ErrorContains(t, err, "this label is postponed")
			require.NotErrorIs(t, err, ephemera.ErrRefused)
		}
		status, err := c.nodes[0].Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, uint64(2), status.Refused)

		c.boards[0].lenient.Store(true)
		require.NoError(t, c.nodes[0].Submit(t.Context(), m), "node 0 now accepts it")
		synctest.Wait()
		require.ErrorIs(t, c.nodes[1].Submit(t.Context(), m), ephemera.ErrLater, "node 1 still postpones it")
		c.boards[1].lenient.Store(true)
		require.NoError(t, c.nodes[1].Submit(t.Context(), m))
		for i := range 2 {
			c.awaitHeight(i, 0, 1)
		}
	})
}
