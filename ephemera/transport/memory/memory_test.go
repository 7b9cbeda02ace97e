package memory_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// publicKey is keys.Public, for tests with a variable called keys.
type publicKey = keys.Public

func members(n int) []keys.Public {
	var all []keys.Public
	for i := range n {
		all = append(all, keys.FromSeed([32]byte{byte(i + 1)}).Public())
	}
	return all
}

func TestConformance(t *testing.T) {
	transporttest.Run(t, func(_ *testing.T, n int, options transporttest.Options) []transporttest.Member {
		network := memory.New(memory.Config{
			Members: members(n), Gossip: options.Gossip,
			MaxFrameBytes: transporttest.MaxFrameBytes, QueueFrames: transporttest.QueueFrames,
		})
		var all []transporttest.Member
		for _, key := range members(n) {
			all = append(all, transporttest.Member{
				Key: key, Transport: network.Transport(key), Restart: func() transport.Transport { return network.Transport(key) },
			})
		}
		return all
	})
}

// arrivals is a receiver that records events in order.
type arrivals struct {
	mu     sync.Mutex
	events []string
}

func (a *arrivals) note(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, fmt.Sprintf(format, args...))
}

func (a *arrivals) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	events := a.events
	a.events = nil
	return events
}

func (a *arrivals) Receive(_ keys.Public, frame []byte) transport.Verdict {
	a.note("frame %s", frame)
	return transport.Accept
}

func (a *arrivals) Gossip(_ keys.Public, frame []byte) transport.Verdict {
	a.note("gossip %s", frame)
	if string(frame) == "garbage" {
		return transport.Reject
	}
	return transport.Accept
}

func (a *arrivals) Connected(keys.Public)    { a.note("connected") }
func (a *arrivals) Disconnected(keys.Public) { a.note("disconnected") }

// start runs all members inside a synctest bubble and returns when they are connected.
func start(t *testing.T, config memory.Config) (*memory.Network, []*memory.Transport, []*arrivals) {
	network := memory.New(config)
	var (
		transports []*memory.Transport
		receivers  []*arrivals
	)
	for _, key := range config.Members {
		member, receiver := network.Transport(key), new(arrivals)
		transports, receivers = append(transports, member), append(receivers, receiver)
		go func() { require.NoError(t, member.Run(t.Context(), receiver)) }()
	}
	synctest.Wait()
	for _, receiver := range receivers {
		require.Len(t, receiver.take(), len(config.Members)-1)
	}
	return network, transports, receivers
}

func TestDelayedFramesStayInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := members(2)
		delays := make(chan time.Duration, 2)
		config := memory.Config{Members: keys, Delay: func(_, _ publicKey) time.Duration { return <-delays }}
		_, transports, receivers := start(t, config)
		delays <- 50 * time.Millisecond
		delays <- 10 * time.Millisecond
		begin := time.Now()
		require.True(t, transports[0].Send(keys[1], []byte("a")))
		require.True(t, transports[0].Send(keys[1], []byte("b"))) // overtakes nothing
		<-time.After(50*time.Millisecond - 1)
		synctest.Wait()
		require.Empty(t, receivers[1].take())
		<-time.After(1)
		synctest.Wait()
		require.Equal(t, []string{"frame a", "frame b"}, receivers[1].take())
		require.Equal(t, 50*time.Millisecond, time.Since(begin))
	})
}

func TestPartitionLosesFramesInTransitAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := members(4)
		network, transports, receivers := start(t, memory.Config{
			Members: keys, Gossip: true, Delay: func(_, _ publicKey) time.Duration { return time.Second },
		})
		require.True(t, transports[0].Send(keys[2], []byte("in transit")))
		network.Partition(keys[:2])
		synctest.Wait()
		require.Equal(t, []string{"disconnected", "disconnected"}, receivers[0].take())
		require.False(t, transports[0].Send(keys[2], []byte("x")))
		require.Len(t, transports[0].Online(), 1)
		require.Len(t, transports[2].Online(), 1, "the members in none of the sets stay connected")

		require.True(t, transports[0].Publish([]byte("half")))
		<-time.After(2 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"gossip half"}, receivers[1].take()[2:])
		require.Equal(t, []string{"disconnected", "disconnected"}, receivers[2].take())

		network.Heal()
		synctest.Wait()
		require.Equal(t, []string{"connected", "connected"}, receivers[2].take())
		require.True(t, transports[0].Send(keys[2], []byte("healed")))
		<-time.After(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"frame healed"}, receivers[2].take())
	})
}

func TestLossDependsOnlyOnSeedAndPosition(t *testing.T) {
	pass := func(seed uint64) (got []string) {
		synctest.Test(t, func(t *testing.T) {
			keys := members(2)
			_, transports, receivers := start(t, memory.Config{Members: keys, Seed: seed, Loss: 0.5})
			for i := range 200 {
				require.True(t, transports[0].Send(keys[1], fmt.Append(nil, i)), "the sender cannot tell")
			}
			synctest.Wait()
			got = receivers[1].take()
		})
		return got
	}
	first := pass(1)
	require.InDelta(t, 100, len(first), 40)
	require.Equal(t, first, pass(1))
	require.NotEqual(t, first, pass(2))
}

func TestScriptedLossOfGossipOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := members(2)
		network, transports, receivers := start(t, memory.Config{
			Members: keys, Gossip: true, Drop: func(f memory.Frame) bool { return f.Gossip },
		})
		require.True(t, transports[0].Publish([]byte("lost")))
		require.True(t, transports[0].Send(keys[1], []byte("direct")))
		synctest.Wait()
		require.Equal(t, []string{"frame direct"}, receivers[1].take())
		network.SetDrop(nil)
		require.True(t, transports[0].Publish([]byte("heard")))
		synctest.Wait()
		require.Equal(t, []string{"gossip heard"}, receivers[1].take())
	})
}

// The publisher reaches only the second member, which forwards what it accepts to the third, by
// then connected again.
func TestOnlyAcceptedGossipIsForwarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := members(3)
		network, transports, receivers := start(t, memory.Config{
			Members: keys, Gossip: true, Delay: func(_, _ publicKey) time.Duration { return time.Second },
		})
		network.Partition(keys[2:])
		require.True(t, transports[0].Publish([]byte("good")))
		require.True(t, transports[0].Publish([]byte("garbage")))
		network.Heal() // the first two stayed connected, so their frames in transit are not lost
		synctest.Wait()
		receivers[1].take()
		receivers[2].take()
		<-time.After(5 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"gossip good", "gossip garbage"}, receivers[1].take())
		require.Equal(t, []string{"gossip good"}, receivers[2].take())
	})
}

func TestOnlyMembersRun(t *testing.T) {
	network := memory.New(memory.Config{Members: members(1)})
	require.ErrorIs(t, network.Transport(publicKey{9}).Run(t.Context(), new(arrivals)), memory.ErrRunning)
}
