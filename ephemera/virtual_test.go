package ephemera_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// The tests in this file run whole nodes, with their goroutines, timers and stores, in virtual time
// over transport/memory.

var seed = flag.Uint64("seed", 0, "seed of the tests with random faults; 0 runs a few fixed seeds and a new one")

// linkDelay is the delay of a frame.
const linkDelay = 50 * time.Millisecond

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.After(d) }

// seeds returns the seeds for a test of random faults in a group of n.
func seeds(n int) []uint64 {
	switch {
	case *seed != 0:
		return []uint64{*seed}
	case testing.Short() || n > 13:
		return []uint64{1, rand.Uint64N(1 << 32)}
	}
	return []uint64{1, 2, 3, rand.Uint64N(1 << 32), rand.Uint64N(1 << 32)}
}

// sizes returns the sizes of groups to run. The last one is for the long form only.
func sizes(always []int, long int) []int {
	if testing.Short() {
		return always
	}
	return append(always, long)
}

// frameCount counts protocol frames: proposals, echoes and certificates, sent directly.
type frameCount struct {
	proposals, echoes, certificates atomic.Int64
}

// observe is a memory.Config.Drop that loses nothing.
func (f *frameCount) observe(frame memory.Frame) bool {
	if frame.Gossip {
		return false
	}
	switch wire.Kind(frame.Data[0]) {
	case wire.KindProposal:
		f.proposals.Add(1)
	case wire.KindEcho:
		f.echoes.Add(1)
	case wire.KindCertificate:
		f.certificates.Add(1)
	}
	return false
}

// With constant link delays, no faults and all messages known everywhere, a block costs 3(n-1)
// protocol frames. Its creator has the certificate after two link delays, and everybody delivers it
// after three (PROTOCOL.md, costs).
func TestBlockTakesThreeLinkDelays(t *testing.T) {
	for _, n := range sizes([]int{4, 7, 13}, 30) {
		t.Run(fmt.Sprint("n=", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { blockTakesThreeLinkDelays(t, n) })
		})
	}
}

func blockTakesThreeLinkDelays(t *testing.T, n int) {
	var count frameCount
	c := newCluster(t, n, memory.Config{Gossip: true, Delay: constant(linkDelay), Drop: count.observe})
	var open atomic.Bool
	for _, b := range c.boards {
		b.enough = n
		b.verdict = func(block.Block) ephemera.Decision {
			if open.Load() {
				return ephemera.Accept()
			}
			return ephemera.Later("not open yet")
		}
	}
	c.startAll()
	defer c.stopAll()
	for i := range n {
		c.submit(i, "report")
	}
	pass(20 * time.Second) // messages have spread, and nobody makes a block
	require.Zero(t, count.proposals.Load())

	begin := time.Now()
	open.Store(true)
	for _, node := range c.nodes {
		node.Wake()
	}
	for i := range n {
		for creator := range n {
			c.awaitHeight(i, creator, 1)
			want := 3 * linkDelay
			if i == creator {
				want = 2 * linkDelay // the creator delivers as soon as it has the certificate
			}
			took := c.boards[i].deliveredAt(c.keys[creator].Public(), 1).Sub(begin)
			require.InDelta(t, want, took, 0.05*float64(want), "chain %d at member %d", creator, i)
			require.Len(t, c.boards[i].blocks(c.keys[creator].Public())[0].Messages, n)
		}
	}
	pass(20 * time.Second) // nothing is resent afterwards
	frames := int64(n * (n - 1))
	require.Equal(t, []int64{frames, frames, frames}, []int64{count.proposals.Load(), count.echoes.Load(), count.certificates.Load()})
}

// deliveredAt returns when the block of a creator at a height was delivered first.
func (b *board) deliveredAt(creator keys.Public, height uint64) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.delivered, func(d block.Block) bool { return d.Header.Creator == creator && d.Header.Height == height })
	if i < 0 {
		return time.Time{}
	}
	return b.times[i]
}

// An epoch's round under all faults at once: jitter around 50 ms, one frame in ten lost, a random
// partition that heals, and members that stop at random moments and restart. Everybody's block is
// certified and delivered by everybody, and who never stopped has all messages in it.
func TestEpochUnderFaults(t *testing.T) {
	for _, n := range sizes([]int{4, 7, 13}, 30) {
		for _, seed := range seeds(n) {
			t.Run(fmt.Sprintf("n=%d/seed=%d", n, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { epochUnderFaults(t, n, seed) })
				if t.Failed() {
					t.Logf("again: go test -run '^TestEpochUnderFaults$' ./ephemera -seed %d", seed)
				}
			})
		}
	}
}

func epochUnderFaults(t *testing.T, n int, seed uint64) {
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	c := newCluster(t, n, memory.Config{Gossip: true, Seed: seed, Loss: 0.1, Delay: jitter(seed)})
	for _, b := range c.boards {
		b.enough = n
	}
	c.startAll()
	defer c.stopAll()
	reports := make([]block.Message, n)
	var plan []happening
	for i, key := range c.keys {
		m, err := block.NewMessage(key, network, "report", fmt.Append(nil, "of ", i), time.Now().UnixMilli())
		require.NoError(t, err)
		reports[i] = m
		plan = append(plan, happening{within(random, 0, time.Second), func() { c.offer(i, m) }})
	}
	cut := random.Perm(n)[:1+random.IntN(n/2)]
	plan = append(plan,
		happening{within(random, 0, 2*time.Second), func() { c.network.Partition(c.publics(cut)) }},
		happening{within(random, 3*time.Second, 10*time.Second), func() { c.network.Heal() }},
	)
	for range 1 + n/3 {
		i, down := random.IntN(n), within(random, 0, 12*time.Second)
		plan = append(plan,
			happening{down, func() { c.stop[i]() }},
			happening{down + within(random, 0, 3*time.Second), func() {
				c.stop[i]() // it may be stopped already
				c.boards[i].restarted.Store(true)
				c.start(i)
				c.offer(i, reports[i]) // the application keeps its report and submits it again
			}},
		)
	}
	run(plan)
	c.requireEpoch()
}

// requireEpoch waits until everybody has delivered everybody's first block, each of all members'
// messages if its creator never stopped, and checks the certificates.
func (c *cluster) requireEpoch() {
	c.t.Helper()
	n := len(c.keys)
	for i := range n {
		for creator, key := range c.keys {
			c.awaitHeight(i, creator, 1)
			if messages := c.boards[i].blocks(key.Public())[0].Messages; !c.boards[creator].restarted.Load() {
				require.Len(c.t, messages, n)
			}
			held, err := c.nodes[i].Certified(c.t.Context(), block.Slot{Group: c.group.ID(), Creator: key.Public(), Height: 1})
			require.NoError(c.t, err)
			require.NoError(c.t, held.Certificate.Check(c.group))
			if i == creator {
				require.NoError(c.t, certificate.VerifyBlock(c.group, held.Block, held.Certificate))
			}
		}
	}
	requireChains(c.t, c)
}

// A happening is something that a test does at a time after its start.
type happening struct {
	at time.Duration
	do func()
}

// run runs the happenings in order of time.
func run(plan []happening) {
	slices.SortStableFunc(plan, func(a, b happening) int { return int(a.at - b.at) })
	begin := time.Now()
	for _, h := range plan {
		pass(h.at - time.Since(begin))
		h.do()
	}
}

// within draws a duration. Nanoseconds make it unlikely that two things happen at one instant.
func within(random *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(random.Int64N(int64(to-from)))
}

// jitter draws delays around linkDelay, a quarter either way.
func jitter(seed uint64) func(_, _ keys.Public) time.Duration {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	return func(_, _ keys.Public) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return within(random, linkDelay*3/4, linkDelay*5/4)
	}
}

// offer submits a message to a node, unless the node is down or has it already.
func (c *cluster) offer(i int, m block.Message) {
	c.t.Helper()
	if err := c.nodes[i].Submit(context.Background(), m); err != nil && !errors.Is(err, mempool.ErrDuplicate) {
		require.ErrorIs(c.t, err, ephemera.ErrStopped)
	}
}

// publics returns the public keys of the members at these places.
func (c *cluster) publics(places []int) []keys.Public {
	var out []keys.Public
	for _, i := range places {
		out = append(out, c.keys[i].Public())
	}
	return out
}
