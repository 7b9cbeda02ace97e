// Package transporttest is the conformance suite of transport.Transport. Every implementation must
// pass Run.
//
// The package is unstable: the suite gets stricter with any release.
package transporttest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// Bounds of the transports under test. Fresh must configure them.
const (
	MaxFrameBytes = 1 << 20 // largest frame
	QueueFrames   = 64      // length of the queue for each peer
)

// Options configure the transports of one test.
type Options struct{ Gossip bool }

// Member is one member of the network under test, with a transport that does not run yet.
type Member struct {
	Key       keys.Public
	Transport transport.Transport
	// Restart returns a new transport for the member, after the Run of the last one has returned.
	Restart func() transport.Transport
}

// Fresh returns n transports that know each other and lose no frames.
type Fresh func(t *testing.T, n int, options Options) []Member

// Run checks the promises that transport.Transport makes.
func Run(t *testing.T, fresh Fresh) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Fresh)
	}{
		{"members connect to each other", testOnline},
		{"direct frames arrive whole, in order and from their sender", testDirect},
		{"frames up to the limit arrive, longer ones are refused", testLengths},
		{"frames to unknown peers, to itself and to offline members are refused", testUnreachable},
		{"gossip reaches all other members", testGossip},
		{"a receiver owns its frame", testOwnership},
		{"publishing is refused if gossip is off", testNoGossip},
		{"there is room unless the queue is full or the member is not connected", testRoom},
		{"a blocking receiver holds up only the peer concerned", testBlocked},
		{"a member that stops goes offline and can return", testRestart},
		{"traffic is counted", testTraffic},
		{"a second Run is refused", testRunOnce},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh) })
	}
}

func testOnline(t *testing.T, fresh Fresh) {
	nodes := cluster(t, fresh, 4, Options{})
	for _, node := range nodes {
		var want []keys.Public
		for _, other := range nodes {
			if other != node {
				want = append(want, other.Key)
			}
		}
		slices.SortFunc(want, keys.Public.Compare)
		require.Equal(t, want, node.Transport.Online())
	}
}

func testDirect(t *testing.T, fresh Fresh) {
	const frames = 500
	nodes := cluster(t, fresh, 3, Options{})
	for i := range uint64(frames) {
		for s, sender := range nodes {
			for _, to := range nodes {
				if to != sender {
					sender.send(to.Key, binary.BigEndian.AppendUint64([]byte{byte(s)}, i))
				}
			}
		}
	}
	for _, to := range nodes {
		to.wait(t, "all frames", func() bool { return len(to.direct) == 2*frames })
		for s, sender := range nodes {
			for i, data := range to.from(sender.Key) {
				require.Equal(t, binary.BigEndian.AppendUint64([]byte{byte(s)}, uint64(i)), data)
			}
		}
	}
}

func testLengths(t *testing.T, fresh Fresh) {
	nodes := cluster(t, fresh, 2, Options{Gossip: true})
	from, to := nodes[0], nodes[1]
	lengths := []int{0, 1, 127, 128, 16<<10 - 1, 16 << 10, 64 << 10, 64<<10 + 1, 300_000, MaxFrameBytes}
	for i, length := range lengths {
		from.send(to.Key, bytes.Repeat([]byte{byte(i + 1)}, length))
	}
	require.False(t, from.Transport.Send(to.Key, make([]byte, MaxFrameBytes+1)))
	require.False(t, from.Transport.Publish(make([]byte, MaxFrameBytes+1)))
	to.wait(t, "frames of all lengths", func() bool { return len(to.direct) == len(lengths) })
	for i, length := range lengths {
		require.Equal(t, length, len(to.direct[i].data))
		require.Equal(t, length, bytes.Count(to.direct[i].data, []byte{byte(i + 1)}))
	}
}

func testUnreachable(t *testing.T, fresh Fresh) {
	members := fresh(t, 3, Options{Gossip: true})
	nodes := []*node{run(t, members[0]), run(t, members[1])} // the third never runs
	nodes[0].wait(t, "the other member", func() bool { return nodes[0].onlineCount() == 1 })
	for _, to := range []keys.Public{{1, 2, 3}, nodes[0].Key, members[2].Key} {
		require.False(t, nodes[0].Transport.Send(to, []byte("x")))
	}
	require.Equal(t, []keys.Public{nodes[1].Key}, nodes[0].Transport.Online())
	require.False(t, members[2].Transport.Send(nodes[0].Key, []byte("x")))
	require.False(t, members[2].Transport.Publish([]byte("x")))
	require.Empty(t, members[2].Transport.Online())
	require.Equal(t, uint64(3), nodes[0].Transport.Traffic().Dropped)
	nodes[1].stop()
	require.False(t, nodes[1].Transport.Send(nodes[0].Key, []byte("x")))
	require.False(t, nodes[1].Transport.Publish([]byte("x")))
	run(t, Member{Key: members[2].Key, Transport: members[2].Transport}).stop() // closes its listeners
}

// gossipUntil publishes frames until every other member has received one: members learn of each
// other's topics some time after they connect, and what is published while a mesh changes is lost.
func gossipUntil(t *testing.T, from *node, others []*node, label string) {
	t.Helper()
	var published [][]byte
	received := func(to *node) bool {
		return to.holds(func() bool {
			return slices.ContainsFunc(to.gossip, func(f frame) bool {
				return slices.ContainsFunc(published, func(data []byte) bool { return bytes.Equal(data, f.data) })
			})
		})
	}
	require.Eventually(t, func() bool {
		published = append(published, fmt.Appendf(nil, "%s %d", label, len(published)))
		from.Transport.Publish(published[len(published)-1])
		return !slices.ContainsFunc(others, func(to *node) bool { return !received(to) })
	}, timeout, 20*time.Millisecond)
}

func testGossip(t *testing.T, fresh Fresh) {
	nodes := cluster(t, fresh, 4, Options{Gossip: true})
	for i, from := range nodes {
		others := slices.Delete(slices.Clone(nodes), i, i+1)
		gossipUntil(t, from, others, from.Key.Short())
	}
	for _, node := range nodes {
		require.False(t, node.holds(func() bool {
			return slices.ContainsFunc(node.gossip, func(f frame) bool {
				return bytes.Contains(f.data, []byte(node.Key.Short())) || f.from == node.Key
			})
		}), "no member receives its own gossip")
	}
}

// A receiver that overwrites its frame changes nothing for the others.
func testOwnership(t *testing.T, fresh Fresh) {
	nodes := cluster(t, fresh, 3, Options{})
	frame := []byte("the same slice for both")
	for _, to := range nodes[1:] {
		nodes[0].send(to.Key, frame)
		to.wait(t, "the frame", func() bool { return len(to.direct) == 1 })
		require.Equal(t, "the same slice for both", string(to.direct[0].data))
		clear(to.direct[0].data)
	}
	require.Equal(t, "the same slice for both", string(frame))
}

func testNoGossip(t *testing.T, fresh Fresh) {
	nodes := cluster(t, fresh, 2, Options{})
	require.False(t, nodes[0].Transport.Publish([]byte("x")))
	nodes[0].send(nodes[1].Key, []byte("direct"))
	nodes[1].wait(t, "the direct frame", func() bool { return len(nodes[1].direct) == 1 })
	require.Empty(t, nodes[1].gossip)
}

func testBlocked(t *testing.T, fresh Fresh) {
	nodes := cluster(t, fresh, 3, Options{})
	flooder, other, to := nodes[0], nodes[1], nodes[2]
	gate := make(chan struct{})
	to.mu.Lock()
	to.gates[flooder.Key] = gate
	to.mu.Unlock()
	t.Cleanup(func() {
		select {
		case <-gate:
		default:
			close(gate)
		}
	})
	// The flooder's queue is bounded: at some point Send refuses a frame, and no call blocks.
	big := make([]byte, MaxFrameBytes/4)
	require.Eventually(t, func() bool { return !flooder.Transport.Send(to.Key, big) }, timeout, time.Millisecond)
	require.NotZero(t, flooder.Transport.Traffic().Dropped)

	for range 10 {
		other.send(to.Key, []byte("from the other"))
		flooder.send(other.Key, []byte("to the other"))
	}
	to.wait(t, "the other's frames", func() bool { return len(to.from(other.Key)) == 10 })
	other.wait(t, "the flooder's frames", func() bool { return len(other.direct) == 10 })
	require.True(t, to.holds(func() bool { return len(to.from(flooder.Key)) == 0 }))
	close(gate)
	to.wait(t, "the frames that were held up", func() bool { return len(to.from(flooder.Key)) > 0 })
}

// testRoom fills the queue for a member that does not read. There is no room then for a frame that
// Send refuses, until the member reads again.
func testRoom(t *testing.T, fresh Fresh) {
	members := fresh(t, 3, Options{})
	nodes := []*node{run(t, members[0]), run(t, members[1])} // the third never runs
	nodes[0].wait(t, "the other member", func() bool { return nodes[0].onlineCount() == 1 })
	from, to := nodes[0].Transport, nodes[1].Key
	for _, nobody := range []keys.Public{{1, 2, 3}, nodes[0].Key, members[2].Key} {
		require.False(t, from.HasRoom(nobody, 0))
	}
	for _, bytes := range []int{0, 1, MaxFrameBytes, MaxFrameBytes + 1, math.MaxInt} {
		require.True(t, from.HasRoom(to, bytes), "an empty queue has room for any frame")
	}
	gate := make(chan struct{})
	nodes[1].change(func() { nodes[1].gates[nodes[0].Key] = gate })
	open := sync.OnceFunc(func() { close(gate) })
	t.Cleanup(open)
	big := make([]byte, MaxFrameBytes/4)
	require.Eventually(t, func() bool {
		room := from.HasRoom(to, len(big))
		return !from.Send(to, big) && !room // a frame may have left between the two
	}, timeout, time.Millisecond)
	dropped := from.Traffic().Dropped
	require.False(t, from.HasRoom(to, MaxFrameBytes))
	require.Equal(t, dropped, from.Traffic().Dropped, "asking drops nothing")
	open()
	require.Eventually(t, func() bool { return from.HasRoom(to, MaxFrameBytes) }, timeout, time.Millisecond)
}

func testRestart(t *testing.T, fresh Fresh) {
	nodes := cluster(t, fresh, 3, Options{})
	gone := nodes[2]
	gone.stop()
	for _, stays := range nodes[:2] {
		stays.wait(t, "the member to go offline", func() bool { return !stays.online[gone.Key] })
		require.NotContains(t, stays.Transport.Online(), gone.Key)
		require.False(t, stays.Transport.Send(gone.Key, []byte("x")))
	}
	back := run(t, Member{Key: gone.Key, Transport: gone.Restart()})
	back.wait(t, "all members", func() bool { return back.onlineCount() == 2 })
	for _, stays := range nodes[:2] {
		stays.wait(t, "the member to come back", func() bool { return stays.online[gone.Key] })
		stays.send(gone.Key, []byte("welcome"))
		back.send(stays.Key, []byte("thanks"))
		stays.wait(t, "the answer", func() bool { return len(stays.from(gone.Key)) == 1 })
	}
	back.wait(t, "the welcome", func() bool { return len(back.direct) == 2 })
}

func testTraffic(t *testing.T, fresh Fresh) {
	nodes := cluster(t, fresh, 2, Options{Gossip: true})
	from, to := nodes[0], nodes[1]
	gossipUntil(t, from, []*node{to}, "warm")
	before, beforeTo := from.Transport.Traffic(), to.Transport.Traffic()
	from.send(to.Key, make([]byte, 1000))
	// Gossip may be lost, for example while a mesh changes. What is not sent is not counted either.
	attempt := byte(0)
	require.Eventually(t, func() bool {
		attempt++
		return from.Transport.Publish(bytes.Repeat([]byte{attempt}, 2000)) &&
			to.holds(func() bool { return slices.ContainsFunc(to.gossip, func(f frame) bool { return len(f.data) == 2000 }) })
	}, timeout, 200*time.Millisecond)
	to.wait(t, "the direct frame", func() bool { return len(to.direct) == 1 })
	require.Eventually(t, func() bool { return from.Transport.Traffic().SentBytes >= before.SentBytes+3000 }, timeout, time.Millisecond)
	after, afterTo := from.Transport.Traffic(), to.Transport.Traffic()
	require.GreaterOrEqual(t, after.SentFrames-before.SentFrames, uint64(2))
	require.GreaterOrEqual(t, afterTo.ReceivedBytes-beforeTo.ReceivedBytes, uint64(3000))
	require.GreaterOrEqual(t, afterTo.ReceivedFrames-beforeTo.ReceivedFrames, uint64(2))
	gossip := after.GossipSentBytes - before.GossipSentBytes
	require.GreaterOrEqual(t, gossip, uint64(2000))
	require.Less(t, gossip, after.SentBytes-before.SentBytes)
	require.Less(t, after.SentBytes-before.SentBytes, uint64(20_000), "framing must not multiply the payload")
}

func testRunOnce(t *testing.T, fresh Fresh) {
	nodes := cluster(t, fresh, 2, Options{})
	require.Error(t, nodes[0].Transport.Run(t.Context(), newRecorder()))
}
