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
// its parts are those of the fields.
func BenchmarkCosts(b *testing.B) {
	members := []keys.Public{costKey(0).Public(), costKey(1).Public(), costKey(2).Public(), costKey(3).Public()}
	group, err := membership.NewGroup("costs", 1, members, membership.Limits{})
	require.NoError(b, err)
	messages := costMessages(b, 256)
	b.Run("Frame+Send", func(b *testing.B) { costOfFrames(b, 300) })
	b.Run("Frame+Send+64*KiB", func(b *testing.B) { costOfFrames(b, 64<<10) })
	b.Run("DecodeKiB", func(b *testing.B) {
		encoded, groups := wire.EncodeMessages(messages), wire.NewGroups(group)
		for b.Loop() {
			_, err := groups.Decode(encoded)
			require.NoError(b, err)
		}
		reportPerKiB(b, len(encoded))
	})
	b.Run("EncodeKiB", func(b *testing.B) {
		for b.Loop() {
			wire.EncodeMessages(messages)
		}
		reportPerKiB(b, len(wire.EncodeMessages(messages)))
	})
	b.Run("Check", func(b *testing.B) {
		for b.Loop() {
			require.True(b, messages[0].Verify())
		}
	})
	b.Run("Sign", func(b *testing.B) {
		key, signing := costKey(0), messages[0].SigningBytes()
		for b.Loop() {
			key.Sign(signing)
		}
	})
	b.Run("Call", costOfCall)
	b.Run("Step", func(b *testing.B) { costOfStep(b, group, messages) })
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

func reportPerKiB(b *testing.B, size int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)*1024/float64(size), "ns/KiB")
}

// costOfFrames sends frames over loopback. It reports the processor time of sender and receiver
// together.
func costOfFrames(b *testing.B, size int) {
	ctx, cancel := context.WithCancel(b.Context())
	var work sync.WaitGroup
	sender, receiver := costTransport(b, 0), costTransport(b, 1)
	counts := &counter{connected: make(chan struct{}), more: make(chan struct{}, 1)}
	peers := []membership.Peer{
		{Key: costKey(0).Public(), Addresses: sender.Addresses()}, {Key: costKey(1).Public(), Addresses: receiver.Addresses()},
	}
	for _, t := range []*p2p.Transport{sender, receiver} {
		require.NoError(b, t.SetPeers(peers))
		work.Go(func() { _ = t.Run(ctx, counts) })
	}
	defer work.Wait()
	defer cancel()
	<-counts.connected
	<-counts.connected
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
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(sent), "cpu-ns/op")
}

func costTransport(b *testing.B, i int) *p2p.Transport {
	const plenty = 1 << 30
	t, err := p2p.New(p2p.Config{Network: "costs", Key: costKey(i), Gossip: p2p.Off, Limits: limits.Transport{
		FramesPerSecond: plenty, FramesBurst: plenty, BytesPerSecond: plenty, BytesBurst: plenty,
	}})
	require.NoError(b, err)
	return t
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
	for b.Loop() {
		questions <- 1
		<-answers
	}
}

// costOfStep asks an engine for a message that it does not have.
func costOfStep(b *testing.B, group *membership.Group, messages []block.Message) {
	e := engine.New(engine.Config{Self: costKey(1).Public()}, []engine.Known{{Group: group}})
	e.Step(engine.Input{Now: 1, Event: engine.Start{}})
	frame := wire.AssumeVerified(wire.GetMessages{IDs: []block.MessageID{messages[0].ID()}})
	for b.Loop() {
		e.Step(engine.Input{Now: 1, Event: engine.Received{From: costKey(0).Public(), Frame: frame}})
	}
}

// costOfCommit makes votes durable.
func costOfCommit(b *testing.B, group *membership.Group, messages []block.Message) {
	s, err := sqlite.Open(filepath.Join(b.TempDir(), "store.db"), nil)
	require.NoError(b, err)
	defer func() { require.NoError(b, s.Close()) }()
	require.NoError(b, s.Commit(b.Context(), []store.Write{store.PutGroup{Group: group}}))
	for height := uint64(1); b.Loop(); height++ {
		made := block.New(group, costKey(0).Public(), height, block.ID{}, int64(height), messages)
		require.NoError(b, s.Commit(b.Context(), []store.Write{store.PutVote{Block: made}}))
	}
}
