package ephemera_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

// BenchmarkRound is one epoch's traffic on loopback, with libp2p and durable SQLite votes: each of
// n members submits a report of 3 KB and broadcasts a block of all n. A round ends when all nodes
// have delivered all n blocks. CPU is that of the whole process, which holds all nodes, divided by
// n. Checks are the signatures that a node verified, known those that it did not, because it had
// verified them in another frame. Commits are those of a node's store, and counts those that hold
// votes, after each of which the counter of votes (R8) is synced. The runs without the counter
// show what its syncs cost, those with direct what GossipSub does. With -parts, each run prints
// where its CPU time went, and how many direct frames of each kind a node sent.
func BenchmarkRound(b *testing.B) {
	for _, n := range roundSizes(b) {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) { benchmarkRound(b, n, realConfig{}) })
		if n <= 20 {
			b.Run(fmt.Sprintf("n=%d,direct", n), func(b *testing.B) { benchmarkRound(b, n, realConfig{gossip: p2p.Direct}) })
		}
		if n <= 10 {
			b.Run(fmt.Sprintf("n=%d,uncounted", n), func(b *testing.B) { benchmarkRound(b, n, realConfig{uncounted: true}) })
		}
	}
}

// uncountedVotes is a home whose counter of votes stays as it is.
type uncountedVotes struct{ *home.Home }

func (uncountedVotes) CountVotes() error { return nil }

// realCluster is a group of nodes on loopback.
type realCluster struct {
	keys   []keys.Private
	nodes  []*ephemera.Node
	stores []*commitCounter
	direct *frameCounter
}

// frameCounter counts the direct frames that nodes send, by kind.
type frameCounter struct{ kinds [1 << 8]atomic.Uint64 }

// countingTransport is the transport of a node whose direct frames are counted.
type countingTransport struct {
	*p2p.Transport
	of *frameCounter
}

func (t countingTransport) Send(to keys.Public, frame []byte) bool {
	sent := t.Transport.Send(to, frame)
	if sent {
		t.of.kinds[frame[0]].Add(1)
	}
	return sent
}

func (c *frameCounter) read() (kinds [1 << 8]uint64) {
	for kind := range kinds {
		kinds[kind] = c.kinds[kind].Load()
	}
	return kinds
}

// commitCounter counts the commits of a store, those that hold votes, and their writes.
type commitCounter struct {
	store.Store
	commits, votes, writes atomic.Int64
}

func (s *commitCounter) Commit(ctx context.Context, writes []store.Write) error {
	s.commits.Add(1)
	s.writes.Add(int64(len(writes)))
	if store.HoldVotes(writes) {
		s.votes.Add(1)
	}
	return s.Store.Commit(ctx, writes)
}

// realConfig is the common configuration of a cluster's nodes. Zero limits are the defaults.
type realConfig struct {
	include mempool.Include
	limits  limits.Limits
	app     func(i int) ephemera.Application
	gossip  p2p.Mode
	// uncounted leaves out the counter of votes.
	uncounted bool
}

func newRealCluster(tb testing.TB, n int, config realConfig) *realCluster {
	c := &realCluster{direct: new(frameCounter)}
	ctx, cancel := context.WithCancel(context.Background())
	var homes []*home.Home
	var members []keys.Public
	for range n {
		h, err := home.Open(ctx, tb.TempDir(), network, nil)
		require.NoError(tb, err)
		homes, c.keys, members = append(homes, h), append(c.keys, h.Key), append(members, h.Key.Public())
	}
	group, err := membership.NewGroup(network, 1, members, membership.Limits{})
	require.NoError(tb, err)
	var transports []*p2p.Transport
	var peers []membership.Peer
	for i := range n {
		t, err := p2p.New(p2p.Config{
			Network: network, Key: c.keys[i], Gossip: config.gossip, Limits: config.limits.Transport, PingTimeout: connectTime(n),
		})
		require.NoError(tb, err)
		transports = append(transports, t)
		peers = append(peers, membership.Peer{Key: members[i], Addresses: t.Addresses()})
	}
	var running sync.WaitGroup
	for i := range n {
		require.NoError(tb, transports[i].SetPeers(peers))
		votes := ephemera.VoteRecord(homes[i])
		if config.uncounted {
			votes = uncountedVotes{homes[i]}
		}
		counted := &commitCounter{Store: homes[i].Store}
		c.stores = append(c.stores, counted)
		node, err := ephemera.New(ephemera.Config{
			Key: c.keys[i], Store: counted, Votes: votes,
			Group: group, Transport: countingTransport{transports[i], c.direct}, Include: config.include, Mempool: config.limits.Mempool,
			ChainRate: ephemera.ChainRate{PerSecond: int64(config.limits.Chain.BytesPerSecond), Burst: int64(config.limits.Chain.BytesBurst)},
		}, config.app(i))
		require.NoError(tb, err)
		c.nodes = append(c.nodes, node)
		running.Go(func() {
			if err := node.Run(ctx); err != nil {
				tb.Errorf("node %d: %v", i, err)
			}
		})
	}
	tb.Cleanup(func() {
		cancel()
		running.Wait()
		for _, h := range homes {
			require.NoError(tb, h.Close())
		}
	})
	for _, node := range c.nodes {
		require.Eventually(tb, func() bool { return len(node.Online()) == n-1 }, connectTime(n), 10*time.Millisecond)
	}
	return c
}

// round submits a message at each node and waits until everybody has delivered n more blocks.
func (c *realCluster) round(tb testing.TB, boards []*board, number int, payload []byte) {
	var submitted sync.WaitGroup
	for i, node := range c.nodes {
		m, err := block.NewMessage(c.keys[i], network, "round", append(fmt.Append(nil, number), payload...), time.Now().UnixMilli())
		require.NoError(tb, err)
		submitted.Go(func() {
			if err := node.Submit(context.Background(), m); err != nil {
				tb.Errorf("submit: %v", err)
			}
		})
	}
	submitted.Wait()
	for _, app := range boards {
		app.awaitCount((number + 1) * len(c.nodes))
	}
}

// awaitCount waits until that many blocks were delivered in total.
func (b *board) awaitCount(count int) {
	for {
		b.mu.Lock()
		changed, have := b.changed, len(b.delivered)
		b.mu.Unlock()
		if have >= count {
			return
		}
		<-changed
	}
}

func benchmarkRound(b *testing.B, n int, config realConfig) {
	requireDescriptors(b, n)
	var boards []*board
	config.include = mempool.All
	config.app = func(int) ephemera.Application {
		boards = append(boards, newBoard(n))
		return boards[len(boards)-1]
	}
	c := newRealCluster(b, n, config)
	payload := bytes.Repeat([]byte{'x'}, 3000)
	warm := warmRounds(n)
	for number := range warm {
		c.round(b, boards, number, payload)
	}
	var before, after syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &before))
	sentBytes, sentFrames := c.sent()
	checkedBefore, knownBefore := c.signatures()
	commits, votes, writes := c.committed()
	kinds := c.direct.read()
	var samples bytes.Buffer
	profiling := pprof.StartCPUProfile(&samples) == nil // it fails if -cpuprofile is set
	var times []time.Duration
	for b.Loop() {
		start := time.Now()
		c.round(b, boards, warm+len(times), payload)
		times = append(times, time.Since(start))
	}
	if profiling {
		pprof.StopCPUProfile()
	}
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &after))
	rounds, nodes := float64(len(times)), float64(n)
	cpuMS := (cpu(after) - cpu(before)).Seconds() * 1000 / rounds / nodes
	if profiling && *printParts {
		reportParts(b, &samples, cpuMS)
	}
	if *printParts {
		reportKinds(b, kinds, c.direct.read(), rounds*nodes)
	}
	bytesNow, framesNow := c.sent()
	checkedNow, knownNow := c.signatures()
	commitsNow, votesNow, writesNow := c.committed()
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(times[len(times)-1].Microseconds())/1000, "ms-max")
	b.ReportMetric(float64(bytesNow-sentBytes)/1024/rounds/nodes, "KiB/node")
	b.ReportMetric(float64(framesNow-sentFrames)/rounds/nodes, "frames/node")
	b.ReportMetric(float64(checkedNow-checkedBefore)/rounds/nodes, "checks/node")
	b.ReportMetric(float64(knownNow-knownBefore)/rounds/nodes, "known/node")
	b.ReportMetric(float64(commitsNow-commits)/rounds/nodes, "commits/node")
	b.ReportMetric(float64(votesNow-votes)/rounds/nodes, "counts/node")
	b.ReportMetric(float64(writesNow-writes)/rounds/nodes, "writes/node")
	b.ReportMetric(cpuMS, "cpu-ms/node")
}

func (c *realCluster) sent() (bytes, frames uint64) {
	for _, node := range c.nodes {
		traffic := node.Traffic()
		bytes, frames = bytes+traffic.SentBytes, frames+traffic.SentFrames
	}
	return bytes, frames
}

func (c *realCluster) signatures() (checked, known uint64) {
	for _, node := range c.nodes {
		nodeChecked, nodeKnown := node.Signatures()
		checked, known = checked+nodeChecked, known+nodeKnown
	}
	return checked, known
}

func (c *realCluster) committed() (commits, votes, writes int64) {
	for _, s := range c.stores {
		commits, votes, writes = commits+s.commits.Load(), votes+s.votes.Load(), writes+s.writes.Load()
	}
	return commits, votes, writes
}

func cpu(usage syscall.Rusage) time.Duration {
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
