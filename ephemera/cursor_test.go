package ephemera_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	storememory "github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// ledger is an application with a database of its own, which outlives the node. It records each
// block and its cursor in one transaction.
type ledger struct {
	*board
	mu      sync.Mutex
	taken   []block.Slot
	cursors map[keys.Public]uint64
	failing bool // after the transaction, so the node does not learn that it was committed
}

func (l *ledger) DeliverBlock(_ context.Context, b block.Block, _ certificate.Certificate) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	slot := b.Header.Slot()
	l.taken = append(l.taken, slot)
	l.cursors[slot.Creator] = slot.Height
	if l.failing {
		panic("killed after its transaction")
	}
	return nil
}

func (l *ledger) Cursors(context.Context, membership.ID) (map[keys.Public]uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.cursors), nil
}

// dying is a store whose node dies immediately before or after the n-th commit.
type dying struct {
	store.Store
	left   int
	behind bool
}

var errDied = errors.New("killed")

func (d *dying) Commit(ctx context.Context, writes []store.Write) error {
	if d.left--; d.left > 0 {
		return d.Store.Commit(ctx, writes)
	}
	if d.left == 0 && d.behind {
		return errors.Join(d.Store.Commit(ctx, writes), errDied)
	}
	return errDied
}

// An application that keeps its own cursors gets each block exactly once, wherever the node is
// killed: before or after every commit of the store, and after every transaction of the
// application.
func TestCursorsOfTheApplicationDeliverExactlyOnce(t *testing.T) {
	const blocks = 3
	points := 0
	for at := 1; ; at++ {
		reached := false
		for _, where := range []string{"before", "behind", "transaction"} {
			synctest.Test(t, func(t *testing.T) {
				died := killedOnce(t, at, where, blocks)
				reached = reached || died
				if died {
					points++
				}
			})
		}
		if !reached {
			break
		}
	}
	require.Greater(t, points, 3*2*blocks, "deaths")
}

// killedOnce runs four members of which one dies at its at-th commit or delivery and is started
// again. It reports whether the member died.
func killedOnce(t *testing.T, at int, where string, blocks int) (died bool) {
	c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
	c.include = mempool.Own
	for i := range 3 {
		c.start(i)
	}
	defer c.stopAll()
	l := &ledger{board: newBoard(1), cursors: map[keys.Public]uint64{}}
	run := func(wrap func(*storememory.Store) store.Store) (context.CancelFunc, <-chan error) {
		st, err := c.disks[3].Open()
		require.NoError(t, err)
		node, err := ephemera.New(ephemera.Config{
			Key: c.keys[3], Group: c.group, Store: wrap(st), Votes: c.votes[3], Transport: c.link(3), Include: c.include,
		}, l)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- errors.Join(node.Run(ctx), st.Close()) }()
		return cancel, result
	}
	cancel, result := run(func(st *storememory.Store) store.Store {
		switch where {
		case "transaction":
			l.failing = at == 1
			return st
		default:
			return &dying{Store: st, left: at, behind: where == "behind"}
		}
	})
	for i := range blocks {
		if where == "transaction" && i+1 == at {
			l.mu.Lock()
			l.failing = true
			l.mu.Unlock()
		}
		c.submit(0, fmt.Sprint("block ", i))
		c.awaitHeight(1, 0, i+1)
		time.Sleep(time.Second)
		select {
		case err := <-result:
			require.Error(t, err)
			died = true
			l.mu.Lock()
			l.failing = false
			l.mu.Unlock()
			cancel, result = run(func(st *storememory.Store) store.Store { return st })
		default:
		}
	}
	time.Sleep(time.Minute)
	cancel()
	if err := <-result; err != nil { // it died in the last commit, while it stopped
		require.ErrorIs(t, err, errDied)
		died = true
		cancel, result = run(func(st *storememory.Store) store.Store { return st })
		time.Sleep(time.Minute)
		cancel()
		require.NoError(t, <-result)
	}
	creator := c.keys[0].Public()
	taken := slices.DeleteFunc(l.taken, func(s block.Slot) bool { return s.Creator != creator })
	require.Len(t, taken, blocks, "killed %s commit or delivery %d", where, at)
	for i, slot := range taken {
		require.Equal(t, uint64(i+1), slot.Height)
	}
	return died
}

// slow is a store with slow commits. It counts what a member does that catches up.
type slow struct {
	store.Store
	commits, reads int
}

func (s *slow) Commit(ctx context.Context, writes []store.Write) error {
	s.commits++
	time.Sleep(5 * time.Millisecond)
	return s.Store.Commit(ctx, writes)
}

func (s *slow) CertifiedFrom(ctx context.Context, from block.Slot, count, bytes int) ([]store.Certified, error) {
	s.reads++
	return s.Store.CertifiedFrom(ctx, from, count, bytes)
}

// The application accepts blocks of all chains before their cursors become durable together: with
// six chains, nearly every commit covers six blocks. They are delivered from memory.
func TestDeliveriesOfManyChainsShareCommits(t *testing.T) {
	const n, blocks = 7, 20
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, n, memory.Config{Gossip: true, Delay: constant(time.Millisecond)})
		c.include = mempool.Own
		for i := range n - 1 {
			c.start(i)
		}
		defer c.stopAll()
		for height := range blocks {
			for i := range n - 1 {
				c.submit(i, fmt.Sprint("block ", height, " of ", i))
			}
			for i := range n - 1 {
				c.awaitHeight(i, i, height+1)
			}
		}
		opened, err := c.disks[n-1].Open()
		require.NoError(t, err)
		disk := &slow{Store: opened}
		node, err := ephemera.New(ephemera.Config{Key: c.keys[n-1], Group: c.group, Store: disk, Votes: c.votes[n-1], Transport: c.link(n - 1)}, c.boards[n-1])
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- node.Run(ctx) }()
		for creator := range n - 1 {
			c.awaitHeight(n-1, creator, blocks)
		}
		cancel()
		require.NoError(t, <-ended)
		require.Less(t, disk.commits, blocks+blocks/2)
		require.Zero(t, disk.reads)
	})
}

// A node that stopped with many blocks certified and not delivered reads them in ranges.
func TestBacklogIsReadInRanges(t *testing.T) {
	const n, blocks = 4, 150
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, n, memory.Config{})
		opened, err := c.disks[0].Open()
		require.NoError(t, err)
		h := history{keys: c.keys, group: c.group}
		writes := []store.Write{store.PutGroup{Group: c.group}}
		for creator := 1; creator < n; creator++ {
			var parent block.ID
			for height := range uint64(blocks) {
				made, proof := h.signed(t, creator, height+1, parent, 256)
				writes = append(writes, store.PutCertified{Block: made, Certificate: proof})
				parent = made.ID()
			}
		}
		require.NoError(t, opened.Commit(t.Context(), writes))
		disk := &slow{Store: opened}
		node, err := ephemera.New(ephemera.Config{Key: c.keys[0], Group: c.group, Store: disk, Votes: c.votes[0], Transport: c.link(0)}, c.boards[0])
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- node.Run(ctx) }()
		for creator := 1; creator < n; creator++ {
			c.awaitHeight(0, creator, blocks)
		}
		cancel()
		require.NoError(t, <-ended)
		require.Equal(t, (n-1)*3, disk.reads) // 64, 64 and 22 blocks of each chain
	})
}
