package p2p

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/x/simlibp2p"
	"github.com/marcopolo/simnet"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// This file produces the table in ephemera/docs/GOSSIP.md. In a round, every member publishes one
// message of messageBytes.
const messageBytes = 3000

// largest is the size of the largest group on slow links: 30 members take a minute, 100 take many.
var largest = flag.Int("members", 10, "members of the largest group of TestModesOnSlowLinks: 4, 10, 30 or 100")

// arrivals records how long the messages of a round took to reach each member.
type arrivals struct {
	mu     sync.Mutex
	round  uint64
	begin  time.Time
	delays []time.Duration
	want   int
	at     []keys.Public // of each arrival
	all    chan struct{}
	frames uint64 // frames of all rounds
}

func (a *arrivals) start(round uint64, want int) (all <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.round, a.begin, a.delays, a.at, a.want, a.all = round, time.Now(), nil, nil, want, make(chan struct{})
	return a.all
}

func (a *arrivals) arrived(at keys.Public, frame []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.frames++
	if binary.BigEndian.Uint64(frame) != a.round {
		return
	}
	a.delays, a.at = append(a.delays, time.Since(a.begin)), append(a.at, at)
	if len(a.delays) == a.want {
		close(a.all)
	}
}

// places returns who has a frame of the round.
func (a *arrivals) places() []keys.Public {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.at)
}

func (a *arrivals) count() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.frames
}

// sorted returns the delays of the round so far, in ascending order.
func (a *arrivals) sorted() []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(slices.Values(a.delays))
}

// listener is the receiver of a member.
type listener struct {
	all *arrivals
	key keys.Public
}

func (l listener) Receive(keys.Public, []byte) transport.Verdict { return transport.Accept }
func (l listener) Gossip(_ keys.Public, frame []byte) transport.Verdict {
	l.all.arrived(l.key, frame)
	return transport.Accept
}
func (l listener) Connected(keys.Public)    {}
func (l listener) Disconnected(keys.Public) {}

// group is a running network of members that publish in rounds.
type group struct {
	t       testing.TB
	members []*Transport
	start   func()
	all     *arrivals
	rounds  uint64
}

// complete is the number of frames that arrive in a round without loss.
func (g *group) complete() int { return len(g.members) * (len(g.members) - 1) }

// round makes every member publish, and returns the delays of the frames in ascending order. It
// ends when all frames have arrived, or when no frame of any round has arrived for the time quiet.
// On a slow machine, too, a round does not begin in the traffic of the last one.
func (g *group) round(quiet time.Duration) []time.Duration {
	g.rounds++
	all := g.all.start(g.rounds, g.complete())
	for i, member := range g.members {
		frame := binary.BigEndian.AppendUint64(make([]byte, 0, messageBytes), g.rounds)
		frame = binary.BigEndian.AppendUint64(frame, uint64(i))
		require.True(g.t, member.Publish(frame[:messageBytes]))
	}
	for {
		before := g.all.count()
		select {
		case <-all:
			return g.all.sorted()
		case <-time.After(quiet):
			if g.all.count() == before {
				return g.all.sorted()
			}
		}
	}
}

func (g *group) sent() (bytes uint64) {
	for _, member := range g.members {
		bytes += member.Traffic().GossipSentBytes
	}
	return bytes
}

func (g *group) sentFrames() (frames uint64) {
	for _, member := range g.members {
		frames += member.Traffic().SentFrames
	}
	return frames
}

// cpu returns the time that the process has computed.
func cpu(tb testing.TB) time.Duration {
	var usage syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// settle runs rounds until gossip reaches all members and meshes have formed.
func (g *group) settle(pause, quiet time.Duration) {
	const atLeast, atMost = 3, 20
	for round := range atMost {
		<-time.After(pause)
		if len(g.round(quiet)) == g.complete() && round >= atLeast-1 {
			return
		}
	}
	require.FailNow(g.t, "gossip does not reach all members")
}

// BenchmarkGossip measures a round on loopback, with all members in one process on the same cores.
// CPU is that of the process divided by n.
func BenchmarkGossip(b *testing.B) {
	for _, mode := range []Mode{Flood, Mesh, Direct} {
		for _, n := range []int{4, 10, 20, 30, 100} {
			b.Run(fmt.Sprintf("%s/n=%d", mode, n), func(b *testing.B) {
				if n > 30 && testing.Short() {
					b.Skip("only the long form measures 100 members")
				}
				g := onLoopback(b, mode, n)
				const quiet = 10 * time.Second // several heartbeats, in which GossipSub repairs losses
				g.settle(time.Second, quiet)
				before, frames, used := g.sent(), g.sentFrames(), cpu(b)
				var halves, lasts []time.Duration
				for b.Loop() {
					delays := g.round(quiet)
					require.Len(b, delays, g.complete())
					halves, lasts = append(halves, delays[len(delays)/2]), append(lasts, delays[len(delays)-1])
				}
				each := float64(len(lasts) * n)
				b.ReportMetric((cpu(b)-used).Seconds()*1000/each, "cpu-ms/node")
				b.ReportMetric(float64(g.sent()-before)/each, "B-sent/node")
				b.ReportMetric(float64(g.sentFrames()-frames)/each, "frames/node")
				slices.Sort(halves)
				slices.Sort(lasts)
				b.ReportMetric(float64(halves[len(halves)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(lasts[len(lasts)/2].Microseconds())/1000, "last-ms")
			})
		}
	}
}

// onLoopback runs a connected group. Members on separate machines would all dial each other at
// once. Here thousands of handshakes would share the cores, time out and be retried. So no member
// knows an address, and pairs are connected a few at a time. Pings are off, because answers may be
// late.
func onLoopback(b *testing.B, mode Mode, n int) *group {
	g := &group{t: b, all: &arrivals{}}
	ctx, cancel := context.WithCancel(context.Background())
	var (
		peers   []membership.Peer
		running sync.WaitGroup
	)
	b.Cleanup(func() {
		cancel()
		running.Wait()
	})
	for i := range n {
		config := testConfig(i)
		config.Gossip, config.PingInterval = mode, time.Hour
		made, err := New(config)
		require.NoError(b, err)
		g.members = append(g.members, made)
		peers = append(peers, membership.Peer{Key: config.Key.Public()})
	}
	for _, made := range g.members {
		require.NoError(b, made.SetPeers(peers))
		running.Go(func() { _ = made.Run(ctx, listener{g.all, made.config.Key.Public()}) })
	}
	for _, made := range g.members {
		require.Eventually(b, made.isRunning, patience, time.Millisecond)
	}
	g.connect(ctx)
	return g
}

// connect connects all pairs of members.
func (g *group) connect(ctx context.Context) {
	const atOnce = 4
	var dials errgroup.Group
	dials.SetLimit(atOnce)
	for i, x := range g.members {
		for _, y := range g.members[:i] {
			// Retry: on a busy machine, libp2p's five seconds for a handshake may not be enough.
			dials.Go(func() error {
				err := errors.New("no attempt was made")
				for attempt := 0; err != nil && attempt < 100 && ctx.Err() == nil; attempt++ {
					err = x.peer(y.host.ID()).dial(ctx, y.host.Addrs())
				}
				return err
			})
		}
	}
	require.NoError(g.t, dials.Wait())
}

// onSlowLinks makes a group of members in these modes, on links of 100 Mbit/s with this delay, in
// virtual time. They know each other. start runs them, and stop ends everything.
func onSlowLinks(t *testing.T, delay time.Duration, modes ...Mode) (g *group, stop func()) {
	link := simnet.LinkSettings{BitsPerSecond: 100 * simlibp2p.OneMbps}
	simulated := &simnet.Simnet{LatencyFunc: simnet.StaticLatency(delay)}
	g = &group{t: t, all: &arrivals{}}
	var peers []membership.Peer
	for i, mode := range modes {
		config := testConfig(i)
		config.Gossip = mode
		config.Listen = []string{fmt.Sprintf("/ip4/1.0.%d.1/udp/8000/quic-v1", i)}
		config.HostOptions = []libp2p.Option{simlibp2p.QUICSimnet(simulated, simnet.NodeBiDiLinkSettings{Downlink: link, Uplink: link})}
		peers = append(peers, membership.Peer{Key: config.Key.Public(), Addresses: config.Listen})
		made, err := New(config)
		require.NoError(t, err)
		g.members = append(g.members, made)
	}
	simulated.Start()
	for _, made := range g.members {
		require.NoError(t, made.SetPeers(peers))
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	g.start = func() {
		for _, made := range g.members {
			running.Go(func() { require.NoError(t, made.Run(ctx, listener{g.all, made.config.Key.Public()})) })
		}
	}
	return g, func() {
		cancel()
		running.Wait()
		for _, made := range g.members {
			require.NoError(t, made.Close())
		}
		simulated.Close()
	}
}

// On links of 50 ms, a message that its publisher sends to all arrives everywhere after one delay.
// A mesh takes a few delays and sends each message several times.
func TestModesOnSlowLinks(t *testing.T) {
	const delay = 50 * time.Millisecond
	for _, n := range []int{4, 10, 30, 100} {
		if n > *largest {
			break
		}
		for _, mode := range []Mode{Flood, Mesh, Direct} {
			t.Run(fmt.Sprintf("%s/n=%d", mode, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g, stop := onSlowLinks(t, delay, slices.Repeat([]Mode{mode}, n)...)
					defer stop()
					g.start()
					g.settle(10*time.Second, 20*time.Second)
					before, rounds := g.sent(), 5
					var halves, lasts []time.Duration
					for range rounds {
						<-time.After(5 * time.Second)
						delays := g.round(20 * time.Second)
						require.Len(t, delays, n*(n-1))
						halves, lasts = append(halves, delays[len(delays)/2]), append(lasts, delays[len(delays)-1])
					}
					sent := (g.sent() - before) / uint64(rounds*n)
					slices.Sort(halves)
					slices.Sort(lasts)
					half, last := halves[rounds/2], lasts[rounds/2]
					t.Logf("%6s n=%3d  p50 %v  last %v  %.1f kB sent per node and round",
						mode, n, half.Round(time.Millisecond), last.Round(time.Millisecond), float64(sent)/1000)
					copies := float64(sent) / messageBytes / float64(n-1) // of each message, per member
					switch mode {
					case Mesh:
						require.Less(t, last, 10*delay)
						require.Less(t, copies, float64(12))
					default:
						require.Less(t, last, 2*delay)
						require.Less(t, copies, 2.0) // includes acknowledgements and QUIC's retransmissions
					}
				})
			})
		}
	}
}

// In mesh mode, a member's first neighbours are the closest ones: of the list, or of those that the
// hash table finds. All members are connected meanwhile, and join the mesh later.
func TestFirstNeighboursAreTheClosestMembers(t *testing.T) {
	const delay = 50 * time.Millisecond
	const settled = headStart - 200*time.Millisecond // after the second heartbeat
	test := func(t *testing.T, table bool) {
		g, stop := onSlowLinks(t, delay, slices.Repeat([]Mode{Mesh}, 12)...)
		defer stop()
		first := g.members[0]
		found := closest(first.host.ID(), first.memberIDs(), neighbours)
		if table {
			all := closest(first.host.ID(), first.memberIDs(), len(g.members))
			found = all[len(all)-neighbours:] // the others do not answer it
			asked := 0
			first.SetNeighbours(func(_ context.Context, count int) ([]keys.Public, error) {
				if asked++; asked < 3 || count != neighbours {
					return nil, errors.New("no member is known yet")
				}
				var answer []keys.Public
				for _, id := range found {
					answer = append(answer, first.peer(id).key)
				}
				return answer, nil
			})
		}
		g.start()
		<-time.After(settled)
		require.Len(t, first.Online(), len(g.members)-1, "members connect at once")
		g.all.start(1, g.complete())
		require.True(t, first.Publish(binary.BigEndian.AppendUint64(nil, 1)))
		<-time.After(delay * 3 / 2) // further members take two delays
		var reached []peer.ID
		for _, key := range g.all.places() {
			reached = append(reached, peerID(key))
			require.True(t, first.isNeighbour(peerID(key)))
		}
		require.Subset(t, reached, found)
		require.LessOrEqual(t, len(reached), 2*neighbours)
	}
	for _, table := range []bool{false, true} {
		t.Run(fmt.Sprintf("table=%t", table), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, table) })
		})
	}
}

// Members in different modes get each other's messages, once each. Those of a member in mesh mode
// reach members in flood mode by lazy gossip.
func TestMembersInDifferentModesGetEveryMessage(t *testing.T) {
	groups := [][]Mode{
		{Flood, Mesh, Direct, Direct},
		{Mesh, Direct, Direct, Direct, Direct, Direct, Direct, Direct, Direct, Direct},
		{Flood, Flood, Flood, Flood, Flood, Direct, Direct, Direct, Direct, Mesh},
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 4 {
		modes := make([]Mode, 2+random.IntN(6))
		for i := range modes {
			modes[i] = Mode(random.IntN(int(Off)))
		}
		groups = append(groups, modes)
	}
	for _, modes := range groups {
		t.Run(fmt.Sprint(modes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, stop := onSlowLinks(t, 50*time.Millisecond, modes...)
				defer stop()
				g.start()
				g.settle(10*time.Second, 20*time.Second)
				for range 3 {
					<-time.After(20 * time.Second)
					before := g.all.count()
					delays := g.round(20 * time.Second)
					require.Len(t, delays, g.complete())
					require.Less(t, delays[len(delays)-1], 5*time.Second, "a few heartbeats of GossipSub")
					<-time.After(20 * time.Second)
					require.Equal(t, uint64(g.complete()), g.all.count()-before, "none arrives twice")
				}
			})
		})
	}
}
