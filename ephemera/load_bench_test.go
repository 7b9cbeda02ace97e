package ephemera_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// loadNodes is the size of these benchmarks' group. Its members run in one process and are
// connected by libp2p on loopback. They keep durable votes in SQLite, and make blocks of the
// messages that were submitted to them.
const loadNodes = 4

// BenchmarkSaturation submits distinct signed messages as fast as the nodes accept them. All blocks
// but the last ones hold at least 100. An iteration ends when every node has delivered every
// message. Signing is the clients' work and is not measured.
func BenchmarkSaturation(b *testing.B) {
	for _, size := range []int{256, 3000} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) { benchmarkSaturation(b, size) })
	}
}

// tally follows messages until every node has delivered them. It is safe for concurrent use.
type tally struct {
	mu       sync.Mutex
	pending  map[block.MessageID]*flight
	delays   []time.Duration // from submission to the last delivery
	blocks   int             // delivered, by all nodes together
	complete chan struct{}   // closed when nothing is pending
}

// A flight is a message that not all nodes have delivered.
type flight struct {
	since time.Time
	left  int // nodes that have not delivered it
}

// expect replaces the expected messages by those that are about to be submitted.
func (t *tally) expect(messages ...block.Message) (complete <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending, t.complete = make(map[block.MessageID]*flight, len(messages)), make(chan struct{})
	for _, m := range messages {
		t.pending[m.ID()] = &flight{since: time.Now(), left: loadNodes}
	}
	return t.complete
}

// begin records that a message is submitted now.
func (t *tally) begin(m block.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending[m.ID()].since = time.Now()
}

func (t *tally) deliver(delivered block.Block) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.blocks++
	for _, m := range delivered.Messages {
		f := t.pending[m.ID()]
		if f == nil {
			continue
		}
		if f.left--; f.left > 0 {
			continue
		}
		t.delays = append(t.delays, time.Since(f.since))
		if delete(t.pending, m.ID()); len(t.pending) == 0 {
			close(t.complete)
		}
	}
}

// reset forgets what was measured.
func (t *tally) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.delays, t.blocks = nil, 0
}

// sink is an application that accepts everything and makes a block of all candidates once there are
// enough.
type sink struct {
	tally  *tally
	enough *atomic.Int64 // messages
}

func (s sink) CheckMessage(context.Context, block.Message) ephemera.Decision {
	return ephemera.Accept()
}

func (s sink) NextBlock(_ context.Context, turn ephemera.Turn) []block.MessageID {
	if len(turn.Candidates) < int(s.enough.Load()) {
		return nil
	}
	var ids []block.MessageID
	size, most := 0, turn.Group.Limits()
	for _, m := range turn.Candidates {
		if size += m.Size(); size > int(most.BlockBytes) || len(ids) == int(most.BlockMessages) {
			break
		}
		ids = append(ids, m.ID())
	}
	return ids
}

func (s sink) CheckBlock(context.Context, block.Block) ephemera.Decision {
	return ephemera.Accept()
}

func (s sink) DeliverBlock(_ context.Context, delivered block.Block, _ certificate.Certificate) error {
	s.tally.deliver(delivered)
	return nil
}

// loaded is a running group and a tally of its deliveries.
type loaded struct {
	*realCluster
	tally  *tally
	enough *atomic.Int64
	made   uint64
}

func newLoaded(b *testing.B, perSecond int) *loaded {
	l := &loaded{tally: &tally{}, enough: &atomic.Int64{}}
	bounds, err := limits.For(limits.Config{Members: loadNodes, MessagesPerSecond: perSecond})
	require.NoError(b, err)
	l.realCluster = newRealCluster(b, loadNodes, realConfig{
		include: mempool.Own, limits: bounds,
		app: func(int) ephemera.Application { return sink{tally: l.tally, enough: l.enough} },
	})
	return l
}

// message returns a node's next message with a payload of size bytes.
func (l *loaded) message(b *testing.B, node, size int) block.Message {
	l.made++
	payload := binary.BigEndian.AppendUint64(bytes.Repeat([]byte{'x'}, size-8), l.made)
	m, err := block.NewMessage(l.keys[node], network, "load", payload, time.Now().UnixMilli())
	require.NoError(b, err)
	return m
}

// await fails the benchmark if something does not happen within a time that suffices on any
// machine.
func await(b *testing.B, what <-chan struct{}) {
	b.Helper()
	select {
	case <-what:
	case <-time.After(5 * time.Minute):
		b.Fatal("messages are missing")
	}
}

func benchmarkSaturation(b *testing.B, size int) {
	const (
		perNode    = 2000
		submitters = 8 // for each node
		least      = 100
	)
	l := newLoaded(b, loadNodes*perNode)
	total, used := 0, time.Duration(0)
	for b.Loop() {
		b.StopTimer()
		var messages []block.Message
		for i := range loadNodes * perNode {
			messages = append(messages, l.message(b, i%loadNodes, size))
		}
		l.enough.Store(least)
		complete := l.tally.expect(messages...)
		total += len(messages)
		before := cpuOfProcess(b)
		b.StartTimer()

		var submitted sync.WaitGroup
		for worker := range loadNodes * submitters {
			submitted.Go(func() {
				// A worker submits the messages of its node: the number of workers is a multiple of
				// loadNodes.
				for i := worker; i < len(messages); i += loadNodes * submitters {
					if err := l.nodes[worker%loadNodes].Submit(context.Background(), messages[i]); err != nil {
						b.Errorf("submit: %v", err)
					}
				}
			})
		}
		submitted.Wait()
		l.enough.Store(1) // for the remaining messages
		for _, node := range l.nodes {
			node.Wake()
		}
		await(b, complete)
		used += cpuOfProcess(b) - before
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(float64(total*loadNodes)/float64(l.tally.blocks), "messages/block")
	b.ReportMetric(used.Seconds()/float64(total), "cpu-s/message")
	b.ReportMetric(0, "ns/op")
}

// cpuOfProcess returns the processor time that all nodes together have used since the process
// began.
func cpuOfProcess(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return cpu(usage)
}

// BenchmarkLatency measures the time from a message's submission until every node has delivered it,
// for one message after the other and for 100 a second.
func BenchmarkLatency(b *testing.B) {
	b.Run("idle", func(b *testing.B) {
		l := newWarm(b)
		for b.Loop() {
			l.paced(b, 1)
		}
		l.report(b)
	})
	b.Run("messages=100/s", func(b *testing.B) {
		l := newWarm(b)
		for b.Loop() {
			l.paced(b, 100)
		}
		l.report(b)
	})
}

// newWarm returns a group that has already delivered some messages.
func newWarm(b *testing.B) *loaded {
	l := newLoaded(b, 1000)
	l.enough.Store(1)
	for range 10 {
		l.paced(b, 1)
	}
	l.tally.reset()
	return l
}

// paced submits messages of 3 KB to the nodes in turn, one every 10 ms, without waiting for
// deliveries. It returns when all are delivered.
func (l *loaded) paced(b *testing.B, count int) {
	const pace = 10 * time.Millisecond
	var messages []block.Message
	for i := range count {
		messages = append(messages, l.message(b, i%loadNodes, 3000))
	}
	complete := l.tally.expect(messages...)
	var submitted sync.WaitGroup
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for i, m := range messages {
		if i > 0 {
			<-tick.C
		}
		submitted.Go(func() {
			l.tally.begin(m)
			if err := l.nodes[i%loadNodes].Submit(context.Background(), m); err != nil {
				b.Errorf("submit: %v", err)
			}
		})
	}
	submitted.Wait()
	await(b, complete)
}

// report reports the quantiles of the delays, in seconds.
func (l *loaded) report(b *testing.B) {
	l.tally.mu.Lock()
	defer l.tally.mu.Unlock()
	delays := slices.Sorted(slices.Values(l.tally.delays))
	require.NotEmpty(b, delays)
	for name, part := range map[string]float64{"p50-s": .5, "p99-s": .99, "max-s": 1} {
		b.ReportMetric(delays[int(part*float64(len(delays)-1))].Seconds(), name)
	}
	b.ReportMetric(float64(len(delays)*loadNodes)/float64(l.tally.blocks), "messages/block")
	b.ReportMetric(0, "ns/op")
}
