package ephemera_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/x/simlibp2p"
	"github.com/marcopolo/simnet"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

// The tests in this file run whole nodes on libp2p hosts with GossipSub, over a simulated network
// in virtual time.

// links chooses the latency of each packet of a simulated network. That of lost packets exceeds the
// length of any test.
type links struct {
	loss   float64
	random *rand.Rand // used only by the router's goroutine
	cut    atomic.Pointer[map[byte]bool]
}

// lost is the latency of a packet that must not arrive.
const lost = 1000 * time.Hour

func (l *links) latency(p *simnet.Packet) time.Duration {
	if cut := l.cut.Load(); cut != nil && (*cut)[memberAt(p.From)] != (*cut)[memberAt(p.To)] {
		return lost
	}
	if l.random.Float64() < l.loss {
		return lost
	}
	return linkDelay
}

// partition disconnects these members from the others. Without members it heals the network.
func (l *links) partition(members ...int) {
	cut := make(map[byte]bool, len(members))
	for _, i := range members {
		cut[byte(i)] = true
	}
	l.cut.Store(&cut)
}

// memberAt returns the place of the member with an address made by addressOf.
func memberAt(address net.Addr) byte { return address.(*net.UDPAddr).IP.To4()[2] }

func addressOf(i int) string { return fmt.Sprintf("/ip4/1.0.%d.1/udp/8000/quic-v1", i) }

// simCluster is a cluster on a simulated network.
type simCluster struct {
	*cluster
	links     links
	simulated *simnet.Simnet
}

// all returns the mode of a group whose members have the same one.
func all(gossip p2p.Mode) func(i int) p2p.Mode { return func(int) p2p.Mode { return gossip } }

// newSimCluster makes n nodes that are connected as libp2p hosts. gossip returns the mode of a
// node, change wraps its transport.
func newSimCluster(t *testing.T, n int, loss float64, gossip func(i int) p2p.Mode, change func(*p2p.Transport) transport.Transport) *simCluster {
	c := &simCluster{cluster: newCluster(t, n, memory.Config{}), links: links{loss: loss, random: rand.New(rand.NewPCG(1, uint64(n)))}}
	for _, b := range c.boards {
		b.enough = n
	}
	c.simulated = &simnet.Simnet{LatencyFunc: c.links.latency, Logger: slog.New(slog.DiscardHandler)}
	c.simulated.Start()
	for i, key := range c.keys {
		c.peers = append(c.peers, membership.Peer{Key: key.Public(), Addresses: []string{addressOf(i)}})
	}
	link := simnet.LinkSettings{BitsPerSecond: 100 * simlibp2p.OneMbps}
	c.link = func(i int) transport.Transport {
		made, err := p2p.New(p2p.Config{
			Network: network, Key: c.keys[i], Listen: []string{addressOf(i)}, Gossip: gossip(i),
			HostOptions: []libp2p.Option{simlibp2p.QUICSimnet(c.simulated, simnet.NodeBiDiLinkSettings{Downlink: link, Uplink: link})},
		})
		require.NoError(t, err)
		return change(made)
	}
	return c
}

func unchanged(t *p2p.Transport) transport.Transport { return t }

// close ends all goroutines of the bubble.
func (c *simCluster) close() {
	c.stopAll()
	c.simulated.Close()
}

// awaitConnected waits until all members are connected and know each other's topics.
func (c *simCluster) awaitConnected() {
	c.t.Helper()
	connected := func() bool {
		return !slices.ContainsFunc(c.nodes, func(node *ephemera.Node) bool { return len(node.Online()) < len(c.keys)-1 })
	}
	for deadline := time.Now().Add(time.Minute); !connected(); pass(100 * time.Millisecond) {
		require.True(c.t, time.Now().Before(deadline), "members do not connect")
	}
	pass(2 * time.Second)
}

// submitAll submits a report at every node.
func (c *simCluster) submitAll() {
	for i := range c.nodes {
		c.submit(i, "report")
	}
}

// epoch runs the cluster for one epoch. It returns how long it took until everybody had delivered
// everything.
func (c *simCluster) epoch() time.Duration {
	c.t.Helper()
	c.startAll()
	defer c.close()
	c.awaitConnected()
	begin := time.Now()
	c.submitAll()
	c.requireEpoch()
	took := time.Since(begin)
	c.t.Logf("everybody has delivered everything after %s", took)
	return took
}

// overLibp2p runs a test on libp2p hosts in virtual time, at each size.
func overLibp2p(t *testing.T, test func(t *testing.T, n int)) {
	for _, n := range sizes([]int{10}, 30) {
		t.Run(fmt.Sprint("n=", n), func(t *testing.T) {
			if n == 30 && raceDetector {
				t.Skip("Go's race detector itself crashes occasionally under this many goroutines in virtual time: run without -race")
			}
			synctest.Test(t, func(t *testing.T) { test(t, n) })
		})
	}
}

// On links of 50 ms an epoch takes one delay for the messages and three for the blocks.
func TestEpochOverLibp2p(t *testing.T) {
	for _, gossip := range []p2p.Mode{p2p.Flood, p2p.Direct} {
		t.Run(gossip.String(), func(t *testing.T) {
			overLibp2p(t, func(t *testing.T, n int) {
				took := newSimCluster(t, n, 0, all(gossip), unchanged).epoch()
				require.Less(t, took, 5*linkDelay, "four delays and some queueing")
			})
		})
	}
}

// Members of one group may spread their messages in different ways, and packets may be lost.
// Everybody delivers everything.
func TestEpochInDifferentModes(t *testing.T) {
	modes := []p2p.Mode{p2p.Flood, p2p.Mesh, p2p.Direct, p2p.Direct}
	mixed := func(i int) p2p.Mode { return modes[i%len(modes)] }
	for _, loss := range []float64{0, 0.02} {
		for _, n := range []int{4, 10} {
			t.Run(fmt.Sprintf("loss=%g/n=%d", loss, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					require.Less(t, newSimCluster(t, n, loss, mixed, unchanged).epoch(), withoutGossipTime)
				})
			})
		}
	}
}

// In a mesh a message takes up to two more hops, or arrives through the frontiers.
func TestEpochOverLibp2pMesh(t *testing.T) {
	overLibp2p(t, func(t *testing.T, n int) {
		took := newSimCluster(t, n, 0, all(p2p.Mesh), unchanged).epoch()
		require.Less(t, took, 8*linkDelay, "three delays for the messages, three for the blocks, and some queueing")
	})
}

// Two of a hundred packets are lost, and a third of the members is disconnected until its
// connections time out.
func TestEpochOverLossyLibp2p(t *testing.T) {
	overLibp2p(t, func(t *testing.T, n int) {
		c := newSimCluster(t, n, 0.02, all(p2p.Flood), unchanged)
		c.startAll()
		defer c.close()
		c.awaitConnected()
		cut := make([]int, n/3)
		for i := range cut {
			cut[i] = i
		}
		c.links.partition(cut...)
		c.submitAll()
		pass(time.Minute)
		require.Len(t, c.nodes[0].Online(), len(cut)-1, "connections have ended")
		require.Empty(t, c.boards[n-1].blocks(c.keys[n-1].Public()), "nobody has all messages")
		c.links.partition()
		begin := time.Now()
		c.requireEpoch()
		t.Logf("everybody has delivered everything %s after the partition", time.Since(begin))
		require.Less(t, time.Since(begin), 30*time.Second)
	})
}

// Gossip only speeds things up: if all gossip is lost, every block of an epoch is still certified
// and delivered (R7).
func TestEpochWithoutGossipOverLibp2p(t *testing.T) {
	t.Run("off", func(t *testing.T) {
		overLibp2p(t, func(t *testing.T, n int) {
			require.Less(t, newSimCluster(t, n, 0, all(p2p.Off), unchanged).epoch(), withoutGossipTime)
		})
	})
	t.Run("lost", func(t *testing.T) {
		overLibp2p(t, func(t *testing.T, n int) {
			var count atomic.Int64
			c := newSimCluster(t, n, 0, all(p2p.Flood), func(t *p2p.Transport) transport.Transport { return withoutGossip{t, &count} })
			require.Less(t, c.epoch(), withoutGossipTime)
			require.Equal(t, int64(n*(n-1)), count.Load(), "frames arrived and were dropped")
		})
	})
}

// withoutGossipTime suffices to spread the messages through frontiers.
const withoutGossipTime = 10 * time.Second

// A member is replaced over libp2p. Connections and gossip follow the groups, and no open block is
// lost.
func TestHandOverOverLibp2p(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSimCluster(t, 5, 0.01, all(p2p.Flood), unchanged)
		h := &handOver{cluster: c.cluster, sent: make([][]block.Message, 5)}
		h.include = mempool.Own
		for _, b := range c.boards {
			b.enough = 1
		}
		one, two := h.members(1, 0, 1, 2, 3), h.members(2, 1, 2, 3, 4)
		h.group = one
		defer c.close()
		for i := range 4 {
			h.start(i)
		}
		pass(5 * time.Second)
		plan := []happening{{3 * time.Second, func() {
			h.group = two
			h.start(4)
		}}}
		for i := range 4 {
			plan = append(plan, happening{time.Duration(1+i) * time.Second, func() { require.NoError(t, h.nodes[i].Adopt(t.Context(), two, c.peers)) }})
		}
		for i := range 5 {
			for at := 150 * time.Millisecond; at < 8*time.Second; at += 300 * time.Millisecond {
				if i == 0 && at < time.Second || i == 4 && at > 3*time.Second || 0 < i && i < 4 {
					plan = append(plan, happening{at, func() { h.report(i) }})
				}
			}
		}
		run(plan)
		h.requireDelivered([]int{1, 2, 3}, []int{1, 2, 3})
		h.requireDelivered([]int{4}, []int{1, 2, 3, 4})
		pass(3 * time.Minute)
		h.requireEqual(one, []int{0, 1, 2, 3})
		h.requireEqual(two, []int{1, 2, 3, 4})
		requireChains(t, c.cluster)
		require.Empty(t, c.nodes[0].Online(), "nobody is connected with the former member")
		for i := 1; i < 5; i++ {
			require.Len(t, c.nodes[i].Online(), 3)
		}

		begin := time.Now()
		h.report(4)
		h.requireDelivered([]int{4}, []int{1, 2, 3, 4})
		require.Less(t, time.Since(begin), time.Second, "gossip reaches the members of the new group")
	})
}

// withoutGossip is a transport that drops every gossip frame on arrival.
type withoutGossip struct {
	*p2p.Transport
	lost *atomic.Int64
}

func (w withoutGossip) Run(ctx context.Context, receiver transport.Receiver) error {
	return w.Transport.Run(ctx, loser{receiver, w.lost})
}

// loser is a receiver that drops gossip.
type loser struct {
	transport.Receiver
	lost *atomic.Int64
}

func (l loser) Gossip(keys.Public, []byte) transport.Verdict {
	l.lost.Add(1)
	return transport.Ignore
}
