package p2p

import (
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"github.com/stretchr/testify/require"
)

// nonsense returns random bytes from a seed.
func nonsense(seed uint64, size int) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

// heap returns the heap bytes in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

func TestRandomBytesOnEveryProtocolDoNoHarm(t *testing.T) {
	made, receiver, honest, evil := victim(t, strict(nil))
	protocols := made.host.Mux().Protocols()
	require.GreaterOrEqual(t, len(protocols), 5, "direct, messages, ping, identify and its push, gossip: %v", protocols)
	require.Contains(t, protocols, made.protocols[messages])
	before := heap()
	for seed := range uint64(5) {
		for _, id := range protocols {
			if len(made.host.Network().ConnsToPeer(evil.ID())) == 0 { // cut off
				require.Eventually(t, func() bool {
					return evil.Connect(t.Context(), infoOf(t, made)) == nil && evil.Network().Connectedness(made.host.ID()) == network.Connected
				}, patience, 20*time.Millisecond)
			}
			s, err := evil.NewStream(t.Context(), made.host.ID(), id)
			if err != nil {
				continue // cut off, or above the limit of streams
			}
			require.NoError(t, s.SetDeadline(time.Now().Add(time.Second)))
			for chunk := range uint64(8) {
				if _, err := s.Write(nonsense(seed*100+chunk, 4<<10)); err != nil {
					break
				}
			}
			if seed%2 == 0 {
				_ = s.Close()
			} // else it stays open and silent
		}
	}
	require.Eventually(t, func() bool { return honest.Send(testKey(0).Public(), []byte("honest")) }, patience, time.Millisecond)
	for string(next(t, receiver.frames)) != "honest" { // some of the random bytes may have been frames
	}
	require.Less(t, heap(), before+64<<20)
}

// A stream that yields a byte from time to time is reset at the stall timeout, and any number of
// them occupies only maxInbound readers.
func TestSlowLorisDoesNotBlockOthers(t *testing.T) {
	made, receiver, honest, evil := victim(t)
	end := make(chan struct{})
	var dripping sync.WaitGroup
	for range 10 {
		s, err := evil.NewStream(t.Context(), made.host.ID(), made.protocols[direct])
		require.NoError(t, err)
		dripping.Go(func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for _, err := s.Write([]byte{0xff, 0xff, 0x03}); err == nil; _, err = s.Write([]byte{1}) {
				select {
				case <-end:
					return
				case <-tick.C:
				}
			}
		})
	}
	r := made.peer(evil.ID())
	reading := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.streams[direct])
	}
	require.Eventually(t, func() bool { return reading() == maxInbound }, patience, time.Millisecond)
	for range 20 {
		requireServing(t, receiver, honest, made)
		require.LessOrEqual(t, reading(), maxInbound)
	}
	require.Eventually(t, func() bool { return reading() == 0 }, patience, time.Millisecond, "streams are reset although bytes keep coming")
	close(end)
	dripping.Wait()
}

// Strangers connect: some stay silent, some send random bytes, some hang up. The long form makes
// 10,000 connections.
func TestConnectionStormIsBounded(t *testing.T) {
	attempts := 10_000
	if testing.Short() {
		attempts = 2000
	}
	made, receiver, honest, _ := victim(t, func(c *Config) {
		c.Limits.Handshakes = 100
		c.Limits.AddressPerSecond, c.Limits.AddressBurst = 500, 500
	})
	address, err := ma.NewMultiaddr(made.Addresses()[0])
	require.NoError(t, err)
	_, target, err := manet.DialArgs(address)
	require.NoError(t, err)
	before, goroutines := heap(), runtime.NumGoroutine()
	var (
		dialling sync.WaitGroup
		mu       sync.Mutex
		held     []net.Conn
		most     int
	)
	for worker := range 20 {
		dialling.Go(func() {
			for i := range attempts / 20 {
				conn, err := net.DialTimeout("tcp", target, patience)
				if err != nil {
					continue
				}
				switch (worker + i) % 3 {
				case 0:
					_ = conn.Close()
					continue
				case 1:
					_, _ = conn.Write(nonsense(uint64(i), 256))
				}
				mu.Lock()
				held = append(held, conn)
				most = max(most, runtime.NumGoroutine())
				mu.Unlock()
			}
		})
	}
	for range 20 {
		requireServing(t, receiver, honest, made)
	}
	dialling.Wait()
	requireServing(t, receiver, honest, made)
	require.Less(t, most, goroutines+20*100, "concurrent handshakes are limited")
	for _, conn := range held {
		_ = conn.Close()
	}
	require.Less(t, heap(), before+64<<20)
	require.Len(t, made.Online(), 2)
}
