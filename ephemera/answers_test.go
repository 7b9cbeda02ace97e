package ephemera_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// watchedLink is a transport that notes what is sent. Its queue for one member may be full.
type watchedLink struct {
	transport.Transport
	mu   sync.Mutex
	full map[keys.Public]bool
	sent map[wire.Kind][]sentFrame
}

type sentFrame struct {
	to    keys.Public
	frame []byte
}

func watchLink(inner transport.Transport) *watchedLink {
	return &watchedLink{Transport: inner, full: map[keys.Public]bool{}, sent: map[wire.Kind][]sentFrame{}}
}

func (l *watchedLink) setFull(to keys.Public, full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full[to] = full
}

func (l *watchedLink) HasRoom(to keys.Public, bytes int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.full[to] && l.Transport.HasRoom(to, bytes)
}

func (l *watchedLink) Send(to keys.Public, frame []byte) bool {
	l.mu.Lock()
	kind := wire.Kind(frame[0])
	l.sent[kind] = append(l.sent[kind], sentFrame{to, frame})
	l.mu.Unlock()
	return l.Transport.Send(to, frame)
}

func (l *watchedLink) of(kind wire.Kind, to keys.Public) (frames [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sent[kind] {
		if s.to == to {
			frames = append(frames, s.frame)
		}
	}
	return frames
}

// counts returns how many frames of each kind were sent.
func (l *watchedLink) counts() map[wire.Kind]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := map[wire.Kind]int{}
	for kind, frames := range l.sent {
		counts[kind] = len(frames)
	}
	return counts
}

// countedStore counts the blocks that are read by ID and by slot.
type countedStore struct {
	store.Store
	reads atomic.Int64
}

func (s *countedStore) Block(ctx context.Context, id block.ID) (block.Block, error) {
	s.reads.Add(1)
	return s.Store.Block(ctx, id)
}

func (s *countedStore) CertifiedFrom(ctx context.Context, from block.Slot, count, bytes int) ([]store.Certified, error) {
	s.reads.Add(1)
	return s.Store.CertifiedFrom(ctx, from, count, bytes)
}

// Nothing is read from the store or encoded for a member whose queue is full, and the member is
// answered when it asks again. The protocol's own frames are sent in any case.
func TestAnswersWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(time.Millisecond)})
		var link *watchedLink
		inner := c.link
		c.link = func(i int) transport.Transport {
			if i > 0 {
				return inner(i)
			}
			link = watchLink(inner(i))
			return link
		}
		for i := range 3 {
			c.boards[i].enough = 2
		}
		c.start(1)
		c.start(2)
		opened, err := c.disks[0].Open()
		require.NoError(t, err)
		counted := &countedStore{Store: opened}
		node, err := ephemera.New(ephemera.Config{Key: c.keys[0], Group: c.group, Store: counted, Transport: c.link(0), Votes: c.votes[0]}, c.boards[0])
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- node.Run(ctx) }()
		c.nodes[0] = node
		asker := c.network.Transport(c.keys[3].Public())
		go func() { ended <- asker.Run(ctx, deaf{}) }()
		time.Sleep(time.Second)

		c.submit(0, "certified")
		c.submit(0, "with it")
		c.awaitHeight(0, 0, 1)
		slot := block.Slot{Group: c.group.ID(), Creator: c.keys[0].Public(), Height: 1}
		held, err := node.Certified(t.Context(), slot)
		require.NoError(t, err)
		waiting := c.submit(0, "in the mempool")
		to := c.keys[3].Public()
		ask := func() {
			for _, request := range []wire.Frame{
				wire.GetMessages{IDs: []block.MessageID{waiting.ID()}},
				wire.GetBlock{Slot: slot, Block: held.Block.ID()},
				wire.GetCertified{From: slot},
				wire.GetGroup{Number: 1},
			} {
				require.True(t, asker.Send(c.keys[0].Public(), wire.Encode(request)))
				time.Sleep(time.Second)
			}
		}
		answers := func() int {
			return len(link.of(wire.KindMessages, to)) + len(link.of(wire.KindBlocks, to)) + len(link.of(wire.KindDescription, to))
		}
		link.setFull(to, true)
		frontiers := len(link.of(wire.KindFrontier, to))
		for range 3 {
			ask()
		}
		require.Zero(t, answers())
		require.Zero(t, counted.reads.Load())
		require.Greater(t, len(link.of(wire.KindFrontier, to)), frontiers)
		link.setFull(to, false)
		ask()
		require.Equal(t, 4, answers(), "%v", link.counts())
		require.EqualValues(t, 2, counted.reads.Load())

		cancel()
		c.stopAll()
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
		require.NoError(t, opened.Close())
	})
}

// A frame for several members is encoded once.
func TestOneEncodingForAllMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(time.Millisecond)})
		var link *watchedLink
		inner := c.link
		c.link = func(i int) transport.Transport {
			watched := watchLink(inner(i))
			if i == 0 {
				link = watched
			}
			return watched
		}
		c.startAll()
		time.Sleep(time.Second) // all are connected: what is sent on a connection is sent to one
		c.submit(0, "hello")
		c.awaitHeight(0, 0, 1)
		time.Sleep(10 * time.Second)
		for _, kind := range []wire.Kind{wire.KindProposal, wire.KindCertificate, wire.KindFrontier} {
			first := link.of(kind, c.keys[1].Public())
			require.NotEmpty(t, first)
			for _, other := range c.keys[2:] {
				same := link.of(kind, other.Public())
				require.Same(t, &first[len(first)-1][0], &same[len(same)-1][0], "kind %s: the same bytes in memory", kind)
			}
		}
		c.stopAll()
	})
}
