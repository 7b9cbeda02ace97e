package simulation_test

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/sqlite"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// BenchmarkCosts measures the kinds of work of simulation.Costs with the shipped code. The names of
// its parts are those of the fields. The costs are the cpu-ns, which other programs on the same
// machine hardly change, except for Commit, where a wait is measured.
func BenchmarkCosts(b *testing.B) {
	members := []keys.Public{costKey(0).Public(), costKey(1).Public(), costKey(2).Public(), costKey(3).Public()}
	group, err := membership.NewGroup("costs", 1, members, membership.Limits{})
	require.NoError(b, err)
	messages := costMessages(b, 256)
	b.Run("Frame+Send", func(b *testing.B) { costOfFrames(b, 300) })
	b.Run("Frame+Send+64*KiB", func(b *testing.B) { costOfFrames(b, 64<<10) })
	b.Run("DecodeKiB", func(b *testing.B) {
		encoded, groups := wire.EncodeMessages(messages), wire.NewGroups(group)
		perOp(b, len(encoded), func() {
			_, err := groups.Decode(encoded)
			require.NoError(b, err)
		})
	})
	b.Run("EncodeKiB", func(b *testing.B) {
		perOp(b, bytesOf(messages), func() { wire.EncodeMessages(messages) })
	})
	b.Run("Check", func(b *testing.B) {
		perOp(b, 1024, func() { require.True(b, messages[0].Verify()) })
	})
	b.Run("Sign", func(b *testing.B) {
		key, signing := costKey(0), messages[0].SigningBytes()
		perOp(b, 1024, func() { key.Sign(signing) })
	})
	b.Run("Call", costOfCall)
	b.Run("Step", func(b *testing.B) { costOfStep(b, group, 1) })
	b.Run("Step+1024*Lookup", func(b *testing.B) { costOfStep(b, group, 1024) })
	b.Run("ReadKiB", func(b *testing.B) { costOfReading(b, group, messages) })
	b.Run("Commit", func(b *testing.B) { costOfCommit(b, group, messages[:1]) })
	b.Run("Commit+256*CommitKiB", func(b *testing.B) { costOfCommit(b, group, messages) })
}

func costKey(i int) keys.Private { return keys.FromSeed([32]byte{byte(i), 1}) }

// costMessages returns messages whose payload is one KiB.
func costMessages(b *testing.B, count int) []block.Message {
	var messages []block.Message
	for i := range count {
		m, err := block.NewMessage(costKey(0), "costs", "", make([]byte, 1024), int64(i))
		require.NoError(b, err)
		messages = append(messages, m)
	}
	return messages
}

// perOp reports the processor time of an operation, or of 1024 bytes of it.
func perOp(b *testing.B, bytes int, operate func()) {
	before := processorTime(b)
	for b.Loop() {
		operate()
	}
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N)*1024/float64(bytes), "cpu-ns")
}

// costOfFrames sends frames over loopback. It reports the cost at sender and receiver together.
func costOfFrames(b *testing.B, size int) {
	counts := &counter{connected: make(chan struct{}), more: make(chan struct{}, 1)}
	sender := costSender(b, counts)
	frame := make([]byte, size)
	before, sent := processorTime(b), int64(0)
	for b.Loop() {
		for counts.received.Load()+64 < sent || !sender.Send(costKey(1).Public(), frame) {
			<-counts.more
		}
		sent++
	}
	for counts.received.Load() < sent {
		<-counts.more
	}
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(sent), "cpu-ns")
}

// costSender returns a transport that is connected with another one. Both run until the benchmark
// ends.
func costSender(b *testing.B, counts *counter) *p2p.Transport {
	const plenty = 1 << 30
	var made []*p2p.Transport
	var peers []membership.Peer
	for i := range 2 {
		t, err := p2p.New(p2p.Config{
			Network: "costs", Key: costKey(i), Gossip: p2p.Off, Limits: limits.Transport{
				FramesPerSecond: plenty, FramesBurst: plenty, BytesPerSecond: plenty, BytesBurst: plenty,
			},
		})
		require.NoError(b, err)
		made, peers = append(made, t), append(peers, membership.Peer{Key: costKey(i).Public(), Addresses: t.Addresses()})
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	var work sync.WaitGroup
	for _, t := range made {
		require.NoError(b, t.SetPeers(peers))
		work.Go(func() { _ = t.Run(ctx, counts) })
	}
	b.Cleanup(func() {
		cancel()
		work.Wait()
	})
	<-counts.connected
	<-counts.connected
	return made[0]
}

// counter is a receiver that counts frames.
type counter struct {
	received  atomic.Int64
	connected chan struct{}
	more      chan struct{} // signals that a frame was received
}

func (c *counter) Receive(keys.Public, []byte) transport.Verdict {
	c.received.Add(1)
	select {
	case c.more <- struct{}{}:
	default:
	}
	return transport.Accept
}
func (*counter) Gossip(keys.Public, []byte) transport.Verdict { return transport.Accept }
func (c *counter) Connected(keys.Public)                      { c.connected <- struct{}{} }
func (*counter) Disconnected(keys.Public)                     {}

func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// costOfCall hands a question to another goroutine and takes the answer, as the runner does.
func costOfCall(b *testing.B) {
	questions, answers := make(chan int), make(chan int)
	defer close(questions)
	go func() {
		for q := range questions {
			answers <- q
		}
	}()
	perOp(b, 1024, func() {
		questions <- 1
		<-answers
	})
}

// costOfStep asks an engine for messages that it does not have.
func costOfStep(b *testing.B, group *membership.Group, count int) {
	e := engine.New(engine.Config{Self: costKey(1).Public()}, []engine.Known{{Group: group}})
	e.Step(engine.Input{Now: 1, Event: engine.Start{}})
	var ids []block.MessageID
	for i := range count {
		ids = append(ids, block.MessageID{byte(i), byte(i >> 8)})
	}
	frame := wire.AssumeVerified(wire.GetMessages{IDs: ids})
	perOp(b, 1024, func() {
		e.Step(engine.Input{Now: 1, Event: engine.Received{From: costKey(0).Public(), Frame: frame}})
	})
}

// costOfReading reads a block with its messages.
func costOfReading(b *testing.B, group *membership.Group, messages []block.Message) {
	s := costStore(b, group)
	made := block.New(group, costKey(0).Public(), 1, block.ID{}, 1, messages)
	require.NoError(b, s.Commit(b.Context(), []store.Write{store.PutVote{Block: made}}))
	perOp(b, bytesOf(messages), func() {
		_, err := s.Block(b.Context(), made.ID())
		require.NoError(b, err)
	})
}

func bytesOf(messages []block.Message) int { return len(wire.EncodeMessages(messages)) }

// costOfCommit makes votes durable.
func costOfCommit(b *testing.B, group *membership.Group, messages []block.Message) {
	s := costStore(b, group)
	for height := uint64(1); b.Loop(); height++ {
		made := block.New(group, costKey(0).Public(), height, block.ID{}, int64(height), messages)
		require.NoError(b, s.Commit(b.Context(), []store.Write{store.PutVote{Block: made}}))
	}
}

func costStore(b *testing.B, group *membership.Group) *sqlite.Store {
	s, err := sqlite.Open(filepath.Join(b.TempDir(), "store.db"), nil)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	require.NoError(b, s.Commit(b.Context(), []store.Write{store.PutGroup{Group: group}}))
	return s
}
