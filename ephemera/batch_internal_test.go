package ephemera

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// newBatch returns a batch of a node that does not run.
func newBatch(t *testing.T) *batch {
	n := &Node{tasks: newTasks(), inbox: make(chan engine.Event), calls: make(chan call)}
	return &batch{loop: &loop{Node: n, ctx: t.Context()}}
}

// Only questions about blocks leave a batch before its commit, and not before the delivery of the
// block below.
func TestBatchAsksAboutBlocksAtOnce(t *testing.T) {
	b := newBatch(t)
	check := func(creator keys.Public, height uint64) broadcast.CheckBlock {
		header := block.Header{Creator: creator, Height: height}
		return broadcast.CheckBlock{Block: block.Block{SignedHeader: block.SignedHeader{Header: header}}}
	}
	deliver := broadcast.Deliver{Slot: block.Slot{Creator: keys.Public{1}, Height: 1}}
	after, other := check(keys.Public{1}, 2), check(keys.Public{2}, 1)
	for _, effect := range []engine.Effect{broadcast.Persist{Write: store.PutDelivered{}}, deliver, after, other, broadcast.SignEcho{}} {
		b.add(effect)
	}
	require.Equal(t, []engine.Effect{broadcast.Persist{Write: store.PutDelivered{}}, deliver, after, broadcast.SignEcho{}}, b.effects)
	require.True(t, b.begins)
	asked, ok := b.tasks.take()
	require.True(t, ok)
	require.Equal(t, other.Block.Header.Slot(), asked.slot)
	_, ok = b.tasks.take()
	require.False(t, ok)
}

// A caller does not wait for a commit that waits for more writes, and its call is not lost.
func TestBatchStopsWaitingForACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBatch(t)
		begin := time.Now()
		var ran []int
		for i := range 2 {
			go func() {
				time.Sleep(time.Duration(i+1) * time.Millisecond)
				b.calls <- func(*loop) error { ran = append(ran, i); return nil }
			}()
		}
		_, ok := b.next(begin.Add(time.Second))
		require.False(t, ok)
		require.Equal(t, time.Millisecond, time.Since(begin))
		require.NoError(t, b.waiting(b.loop))
		require.Equal(t, []int{0}, ran)

		// While one call waits, no other is taken.
		_, ok = b.next(begin.Add(time.Second))
		require.False(t, ok)
		require.Equal(t, time.Second, time.Since(begin))
		require.NoError(t, (<-b.calls)(b.loop))
		require.Equal(t, []int{0, 1}, ran)
	})
}
