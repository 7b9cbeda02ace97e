package p2p

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

const patience = 30 * time.Second

// events is a receiver that reports everything on channels.
type events struct {
	frames, gossip          chan []byte
	connected, disconnected chan keys.Public
	hold                    sync.RWMutex  // while locked, the receiver blocks
	evil                    chan struct{} // if set, gossip that begins with "evil" waits for it
}

func newEvents() *events {
	return &events{
		frames: make(chan []byte, 1000), gossip: make(chan []byte, 1000),
		connected: make(chan keys.Public, 1000), disconnected: make(chan keys.Public, 1000),
	}
}

func (e *events) Receive(_ keys.Public, frame []byte) transport.Verdict {
	e.hold.RLock()
	defer e.hold.RUnlock()
	switch string(frame) {
	case "bad":
		return transport.Reject
	case "dear":
		return transport.Excess
	}
	e.frames <- frame
	return transport.Accept
}

func (e *events) Gossip(_ keys.Public, frame []byte) transport.Verdict {
	e.hold.RLock()
	defer e.hold.RUnlock()
	e.gossip <- frame
	if e.evil != nil && bytes.HasPrefix(frame, []byte("evil")) {
		<-e.evil
	}
	switch frame[0] {
	case 'b':
		return transport.Reject
	case 'i':
		return transport.Ignore
	}
	return transport.Accept
}

func (e *events) Connected(p keys.Public)    { e.connected <- p }
func (e *events) Disconnected(p keys.Public) { e.disconnected <- p }

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		require.FailNow(t, "timed out")
		panic("unreachable")
	}
}

// start runs a transport until the end of the test.
func start(t *testing.T, made *Transport) *events {
	receiver := newEvents()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- made.Run(ctx, receiver) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, next(t, ended))
	})
	return receiver
}

// attacker returns a libp2p host with the given key and no transport on top of it.
func attacker(t *testing.T, key keys.Private, options ...libp2p.Option) host.Host {
	config := Config{Key: key, Listen: []string{defaultListen}}.withDefaults()
	own, err := config.hostOptions()
	require.NoError(t, err)
	bounds, err := resources(config.Limits)
	require.NoError(t, err)
	h, err := libp2p.New(append(append(own, libp2p.ResourceManager(bounds)), options...)...)
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	return h
}

func infoOf(t *testing.T, made *Transport) peer.AddrInfo {
	addresses, err := parseAddresses(made.Addresses())
	require.NoError(t, err)
	return peer.AddrInfo{ID: made.host.ID(), Addrs: addresses}
}

// victim returns a running transport, an honest member that is connected to it, and a connected
// libp2p host with the key of another member.
func victim(t *testing.T, changes ...func(*Config)) (made *Transport, receiver *events, honest *Transport, evil host.Host) {
	made, receiver, honest, evil = unconnected(t, changes...)
	join(t, evil, made, receiver)
	return made, receiver, honest, evil
}

// join connects the evil host to the victim.
func join(t *testing.T, evil host.Host, made *Transport, receiver *events) {
	t.Helper()
	require.NoError(t, evil.Connect(t.Context(), infoOf(t, made)))
	require.Equal(t, testKey(2).Public(), next(t, receiver.connected))
}

// unconnected is victim with an evil host that is not connected yet, so that tests can prepare it.
func unconnected(t *testing.T, changes ...func(*Config)) (made *Transport, receiver *events, honest *Transport, evil host.Host) {
	config := testConfig(0)
	config.StallTimeout = 200 * time.Millisecond
	for _, change := range changes {
		change(&config)
	}
	all := connected(t, config, testConfig(1))
	peers := []membership.Peer{{Key: testKey(1).Public(), Addresses: all[1].Addresses()}, {Key: testKey(2).Public()}}
	require.NoError(t, all[0].SetPeers(peers))
	receiver = start(t, all[0])
	start(t, all[1])
	require.Equal(t, testKey(1).Public(), next(t, receiver.connected))
	return all[0], receiver, all[1], attacker(t, testKey(2))
}

func stream(t *testing.T, from host.Host, to *Transport) network.Stream {
	return streamOf(t, direct, from, to)
}

func streamOf(t *testing.T, frames kind, from host.Host, to *Transport) network.Stream {
	s, err := from.NewStream(t.Context(), to.host.ID(), to.protocols[frames])
	require.NoError(t, err)
	require.NoError(t, s.SetDeadline(time.Now().Add(patience)))
	return s
}

// requireServing checks that the honest member is still served. It skips other frames in transit.
func requireServing(t *testing.T, receiver *events, honest, to *Transport) {
	t.Helper()
	require.Eventually(t, func() bool { return honest.Send(to.config.Key.Public(), []byte("honest")) }, patience, time.Millisecond)
	require.Eventually(t, func() bool { return string(next(t, receiver.frames)) == "honest" }, patience, time.Microsecond)
}

func TestStrangersAreNotAdmitted(t *testing.T) {
	made, receiver, honest, _ := victim(t)
	stranger := attacker(t, testKey(9))
	// The stranger may see a connection for a moment, but it can never open a stream on it.
	if stranger.Connect(t.Context(), infoOf(t, made)) == nil {
		_, err := stranger.NewStream(network.WithNoDial(t.Context(), "test"), made.host.ID(), made.protocols[direct])
		require.Error(t, err)
	}
	require.NotContains(t, made.Online(), testKey(9).Public())
	require.False(t, made.Send(testKey(9).Public(), []byte("x")))
	requireServing(t, receiver, honest, made)
}

func TestMalformedFramesEndOnlyTheirStream(t *testing.T) {
	made, receiver, honest, evil := victim(t)
	for name, sent := range map[string][]byte{
		"too large":          binary.AppendUvarint(nil, uint64(made.config.Limits.FrameBytes)+1),
		"length of all ones": bytes.Repeat([]byte{0xff}, 12),
		"ends in the length": {0x80},
		"stalls in the body": append(binary.AppendUvarint(nil, 100), 1, 2, 3),
		"stalls in a chunk":  append(binary.AppendUvarint(nil, uint64(made.config.Limits.FrameBytes)), 1, 2, 3),
	} {
		t.Run(name, func(t *testing.T) {
			s := stream(t, evil, made)
			_, err := s.Write(sent)
			require.NoError(t, err)
			_, err = io.ReadAll(s)
			require.ErrorIs(t, err, network.ErrReset)
			requireServing(t, receiver, honest, made)
		})
	}
	s := stream(t, evil, made) // a peer that behaves is served again
	_, err := s.Write([]byte{3, 'y', 'e', 's'})
	require.NoError(t, err)
	require.Equal(t, "yes", string(next(t, receiver.frames)))
}

func TestThirdStreamEndsTheFirst(t *testing.T) {
	made, receiver, honest, evil := victim(t)
	var streams []network.Stream
	for i := range byte(5) {
		s := stream(t, evil, made)
		_, err := s.Write([]byte{1, i})
		require.NoError(t, err)
		require.Equal(t, []byte{i}, next(t, receiver.frames))
		streams = append(streams, s)
	}
	for _, ended := range streams[:3] {
		_, err := io.ReadAll(ended)
		require.ErrorIs(t, err, network.ErrReset)
	}
	for i, open := range streams[3:] {
		_, err := open.Write([]byte{1, byte(i)})
		require.NoError(t, err)
		require.Equal(t, []byte{byte(i)}, next(t, receiver.frames))
	}
	requireServing(t, receiver, honest, made)
}

// A member that accepts streams and reads nothing costs one bounded queue. Its stream is reset and
// another one opened.
func TestPeerThatReadsNothingCostsABoundedQueue(t *testing.T) {
	made, receiver, honest, evil := unconnected(t)
	streams := make(chan network.Stream, 1000)
	evil.SetStreamHandler(made.protocols[direct], func(s network.Stream) { streams <- s })
	join(t, evil, made, receiver)
	frame := make([]byte, made.config.Limits.FrameBytes/2)
	to := testKey(2).Public()
	refused := make(chan struct{})
	go func() {
		defer close(refused)
		for made.Send(to, frame) {
		}
	}()
	next(t, refused)
	next(t, streams)
	next(t, streams) // the second attempt, after the first stalled
	next(t, streams) // the batch is dropped, the next one tried
	requireServing(t, receiver, honest, made)
}

func TestManyStreamsAndConnectionsAreBounded(t *testing.T) {
	made, receiver, honest, evil := victim(t)
	for range 4 * made.config.Limits.StreamsPerPeer {
		s, err := evil.NewStream(t.Context(), made.host.ID(), made.protocols[direct])
		if err == nil {
			_, _ = s.Write([]byte{0x80}) // a frame that never ends
		}
	}
	r := made.peer(evil.ID())
	require.Eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.streams[direct]) <= maxInbound
	}, patience, time.Millisecond)
	require.LessOrEqual(t, len(made.host.Network().ConnsToPeer(evil.ID())), made.config.Limits.ConnectionsPerPeer)
	requireServing(t, receiver, honest, made)
}

func TestProtocolOfAnotherNetworkIsRefused(t *testing.T) {
	made, receiver, honest, evil := victim(t)
	_, err := evil.NewStream(t.Context(), made.host.ID(), "/ephemera/other/direct/1")
	require.Error(t, err)
	requireServing(t, receiver, honest, made)
}

func TestUnusableConfigurationsAreRefused(t *testing.T) {
	good := testConfig(0)
	require.NoError(t, good.Validate())
	for want, spoil := range map[string]func(*Config){
		"network name":   func(c *Config) { c.Network = "NO" },
		"no key":         func(c *Config) { c.Key = keys.Private{} },
		"negative":       func(c *Config) { c.Limits.QueueFrames = -1 },
		"hold one frame": func(c *Config) { c.Limits.QueueBytes = 10 },
		"listen address": func(c *Config) { c.Listen = []string{"127.0.0.1:3000"} },
		"remove /p2p/":   func(c *Config) { c.Announce = []string{"/ip4/127.0.0.1/tcp/1/p2p/" + c.Key.Public().PeerID()} },
		"port 0":         func(c *Config) { c.Announce = []string{"/ip4/127.0.0.1/tcp/0"} },
		"listed twice":   func(c *Config) { c.Peers = []membership.Peer{{Key: testKey(1).Public()}, {Key: testKey(1).Public()}} },
		"2 peers, at most": func(c *Config) {
			c.Limits.Peers, c.Peers = 1, []membership.Peer{{Key: testKey(1).Public()}, {Key: testKey(2).Public()}}
		},
	} {
		config := good
		spoil(&config)
		_, err := New(config)
		require.ErrorContains(t, err, want)
	}
}

func TestABadAddressOfAPeerIsLeftOut(t *testing.T) {
	config := testConfig(0)
	config.Peers = []membership.Peer{{Key: testKey(1).Public(), Addresses: []string{"/not-a-multiaddr", "/ip4/127.0.0.1/tcp/1"}}}
	made, err := New(config)
	require.NoError(t, err)
	defer func() { require.NoError(t, made.Close()) }()
	_, _, addresses := made.peer(peerID(testKey(1).Public())).state()
	require.Len(t, addresses, 1)
}

func TestPortInUseIsNamed(t *testing.T) {
	first := connected(t, testConfig(0))[0]
	config := testConfig(1)
	config.Listen = first.Addresses()
	_, err := New(config)
	require.ErrorContains(t, err, "listen on "+config.Listen[0])
}

func FuzzFrames(f *testing.F) {
	for _, seed := range [][]byte{{}, {0}, {3, 1, 2, 3}, {0x80}, bytes.Repeat([]byte{0xff}, 11), {0x80, 0x00}, append([]byte{0xff, 0x07}, make([]byte, 1023)...)} {
		f.Add(seed)
	}
	config := Config{Limits: limits.Transport{FrameBytes: 1000}}.withDefaults()
	f.Fuzz(func(t *testing.T, data []byte) {
		buffer := bufio.NewReader(bytes.NewReader(data))
		rebuilt := 0
		for {
			frame, prefix, err := readFrame(noDeadline{}, buffer, config)
			if err != nil {
				break
			}
			require.LessOrEqual(t, len(frame), config.Limits.FrameBytes)
			rebuilt += prefix + len(frame)
		}
		require.LessOrEqual(t, rebuilt, len(data), fmt.Sprintf("%x", data))
	})
}

type noDeadline struct{}

func (noDeadline) SetReadDeadline(time.Time) error { return nil }
