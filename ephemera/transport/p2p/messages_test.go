package p2p

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

func inDirectMode(c *Config) { c.Gossip = Direct }

// What members in any mode receive on streams is gossip to the receiver, and is not forwarded.
func TestMessagesOnStreamsAreGossipInEveryMode(t *testing.T) {
	for _, mode := range []Mode{Flood, Mesh, Direct} {
		t.Run(mode.String(), func(t *testing.T) {
			var configs []Config
			for i := range 3 {
				config := testConfig(i)
				config.Gossip = mode
				configs = append(configs, config)
			}
			configs[0].Gossip = Direct
			all := connected(t, configs...)
			peerOf := func(i int) membership.Peer {
				return membership.Peer{Key: testKey(i).Public(), Addresses: all[i].Addresses()}
			}
			require.NoError(t, all[0].SetPeers([]membership.Peer{peerOf(1)})) // the ends of a line
			require.NoError(t, all[2].SetPeers([]membership.Peer{peerOf(1)}))
			receivers := []*events{start(t, all[0]), start(t, all[1]), start(t, all[2])}
			next(t, receivers[0].connected)
			next(t, receivers[2].connected)
			require.Eventually(t, func() bool {
				all[0].Publish([]byte("g"))
				return len(receivers[1].gossip) > 0
			}, patience, time.Millisecond)
			require.Equal(t, "g", string(next(t, receivers[1].gossip)))
			require.Empty(t, receivers[1].frames)
			require.Eventually(t, func() bool { // the other end hears of a later one by gossip alone
				all[1].Publish(fmt.Appendf(nil, "h%d", time.Now().UnixNano()))
				return len(receivers[2].gossip) > 0
			}, patience, 10*time.Millisecond)
			require.Equal(t, byte('h'), next(t, receivers[2].gossip)[0])
		})
	}
}

// A member without gossip takes no messages. Those for it are dropped, and the others get theirs.
func TestMessagesForMemberWithoutGossipAreDropped(t *testing.T) {
	off := testConfig(2)
	off.Gossip = Off
	one, two := testConfig(0), testConfig(1)
	one.Gossip, two.Gossip = Direct, Direct
	all := connected(t, one, two, off)
	zero, receiver, deaf := start(t, all[0]), start(t, all[1]), start(t, all[2])
	next(t, zero.connected)
	next(t, zero.connected)
	to := all[0].peer(all[2].host.ID())
	for i := range 3 {
		require.True(t, all[0].Publish([]byte{'m', byte(i)}))
		require.Equal(t, []byte{'m', byte(i)}, next(t, receiver.gossip))
	}
	require.Eventually(t, func() bool {
		to.mu.Lock()
		defer to.mu.Unlock()
		return len(to.messages.queue) == 0 && to.queued == 0
	}, patience, time.Millisecond)
	require.Empty(t, deaf.gossip)
	require.NotContains(t, all[2].host.Mux().Protocols(), all[2].protocols[messages])
}

// A member that accepts the stream and reads nothing costs a bounded queue, which leaves room for
// direct frames to it. The others get every message.
func TestMemberThatReadsNoMessagesCostsABoundedQueue(t *testing.T) {
	made, receiver, honest, evil := unconnected(t, inDirectMode, func(c *Config) {
		c.Limits.QueueBytes, c.StallTimeout = 8<<20, time.Minute
	})
	evil.SetStreamHandler(made.protocols[messages], func(network.Stream) {})
	join(t, evil, made, receiver)
	to := made.peer(evil.ID())
	frame := bytes.Repeat([]byte{'m'}, 64<<10)
	before := made.Traffic().Dropped
	require.Eventually(t, func() bool {
		made.Publish(frame)
		return made.Traffic().Dropped > before+20
	}, patience, time.Millisecond)
	to.mu.Lock()
	waiting, all := to.messages.queued, to.queued
	to.mu.Unlock()
	require.LessOrEqual(t, waiting, 4<<20)
	require.Greater(t, waiting, 3<<20)
	require.Equal(t, waiting, all)
	require.True(t, made.HasRoom(testKey(2).Public(), made.config.Limits.FrameBytes))
	require.Eventually(t, func() bool { return made.Publish([]byte("more")) }, patience, time.Millisecond, "the honest member has room")
	requireServing(t, receiver, honest, made)
	require.NoError(t, evil.Network().ClosePeer(made.host.ID()))
	require.Eventually(t, func() bool {
		to.mu.Lock()
		defer to.mu.Unlock()
		return to.queued == 0
	}, patience, time.Millisecond, "frames do not outlive the connection")
}

// Publish says no when every connected member's queue is full.
func TestPublishingToFullQueuesIsRefused(t *testing.T) {
	made, receiver, _, evil := unconnected(t, inDirectMode, func(c *Config) { c.StallTimeout = time.Minute })
	evil.SetStreamHandler(made.protocols[messages], func(network.Stream) {})
	require.NoError(t, made.SetPeers([]membership.Peer{{Key: testKey(2).Public()}}))
	next(t, receiver.disconnected)
	require.True(t, made.Publish([]byte("to nobody")))
	join(t, evil, made, receiver)
	frame := make([]byte, made.config.Limits.FrameBytes)
	require.Eventually(t, func() bool { return !made.Publish(frame) }, patience, time.Microsecond)
	require.Equal(t, uint64(1), made.Traffic().Dropped)
}

func TestMalformedMessagesEndOnlyTheirStream(t *testing.T) {
	made, receiver, honest, evil := victim(t)
	for name, sent := range map[string][]byte{
		"too large":          binary.AppendUvarint(nil, uint64(made.config.Limits.FrameBytes)+1),
		"length of all ones": bytes.Repeat([]byte{0xff}, 12),
		"stalls in the body": append(binary.AppendUvarint(nil, 100), 1, 2, 3),
	} {
		t.Run(name, func(t *testing.T) {
			s := streamOf(t, messages, evil, made)
			_, err := s.Write(sent)
			require.NoError(t, err)
			_, err = io.ReadAll(s)
			require.ErrorIs(t, err, network.ErrReset)
			requireServing(t, receiver, honest, made)
		})
	}
	s := streamOf(t, messages, evil, made)
	_, err := s.Write([]byte{3, 'y', 'e', 's'})
	require.NoError(t, err)
	require.Equal(t, "yes", string(next(t, receiver.gossip)))
}

// Streams of messages do not end those of direct frames, and are bounded like them.
func TestThirdStreamOfMessagesEndsTheFirst(t *testing.T) {
	made, receiver, honest, evil := victim(t)
	frames := stream(t, evil, made)
	_, err := frames.Write([]byte{1, 'd'})
	require.NoError(t, err)
	require.Equal(t, "d", string(next(t, receiver.frames)))
	var opened []network.Stream
	for i := range byte(5) {
		s := streamOf(t, messages, evil, made)
		_, err := s.Write([]byte{2, 'm', i})
		require.NoError(t, err)
		require.Equal(t, []byte{'m', i}, next(t, receiver.gossip))
		opened = append(opened, s)
	}
	for _, ended := range opened[:3] {
		_, err := io.ReadAll(ended)
		require.ErrorIs(t, err, network.ErrReset)
	}
	_, err = frames.Write([]byte{1, 'd'})
	require.NoError(t, err)
	require.Equal(t, "d", string(next(t, receiver.frames)))
	requireServing(t, receiver, honest, made)
}

func TestPeerThatSendsBadMessagesIsCutOff(t *testing.T) {
	made, receiver, honest, evil := victim(t, strict(nil))
	writeUntilCut(t, messages, made, evil, []byte{3, 'b', 'a', 'd'})
	requireCutAndReturn(t, made, receiver, honest, evil)
}

func TestPeerThatSendsOversizeMessagesIsCutOff(t *testing.T) {
	made, receiver, honest, evil := victim(t, strict(nil))
	writeUntilCut(t, messages, made, evil, binary.AppendUvarint(nil, uint64(made.config.Limits.FrameBytes)+1))
	require.Equal(t, testKey(2).Public(), next(t, receiver.disconnected))
	require.Empty(t, receiver.gossip)
	requireServing(t, receiver, honest, made)
}

// What a peer sends on a stream counts towards the rate of its gossip.
func TestPeerThatFloodsWithMessagesIsDelayedAndCutOff(t *testing.T) {
	made, receiver, honest, evil := victim(t, strict(func(c *Config) {
		c.Limits.GossipFramesPerSecond, c.Limits.GossipFramesBurst = 20, 20
		c.Limits.Conduct.Patience = throttled // exhausted by the second full second of delay
	}))
	begin := time.Now()
	flood := bytes.Repeat([]byte{1, 'f'}, 1000)
	s := streamOf(t, messages, evil, made)
	_, err := s.Write(flood)
	require.NoError(t, err)
	require.Equal(t, testKey(2).Public(), next(t, receiver.disconnected))
	took, got := time.Since(begin), len(receiver.gossip)
	require.LessOrEqual(t, got, 20+int(took.Seconds()*20)+1, "messages arrive no faster than the rate limit")
	require.NotZero(t, made.Traffic().Throttled)
	require.Equal(t, uint64(1), made.Traffic().Cuts)
	requireServing(t, receiver, honest, made)
}

// While this node's own receiver blocks, the peer's messages wait in its own queue, and nobody is
// blamed.
func TestSlowReceiverOfMessagesIsNotBlamedOnPeers(t *testing.T) {
	made, receiver, honest, evil := victim(t, strict(func(c *Config) { c.StallTimeout = 50 * time.Millisecond }))
	receiver.hold.Lock()
	s := streamOf(t, messages, evil, made)
	for range 200 {
		_, err := s.Write([]byte{1, 'm'})
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return made.Traffic().ReceivedFrames >= 1 }, patience, time.Millisecond)
	receiver.hold.Unlock()
	for range 200 {
		require.Equal(t, "m", string(next(t, receiver.gossip)))
	}
	require.Zero(t, made.Traffic().Cuts)
	require.Contains(t, made.Online(), testKey(2).Public())
	requireServing(t, receiver, honest, made)
}

// A guest, who takes no part in gossip, can send no messages either.
func TestGuestsSendNoMessages(t *testing.T) {
	made := connected(t, testConfig(0))[0]
	require.NoError(t, made.SetPeers(nil))
	made.SetGuests([]keys.Public{testKey(2).Public()})
	receiver := start(t, made)
	require.Eventually(t, made.isRunning, patience, time.Millisecond)
	evil := attacker(t, testKey(2))
	join(t, evil, made, receiver)
	s := streamOf(t, messages, evil, made)
	_, err := s.Write([]byte{1, 'm'})
	require.NoError(t, err)
	_, err = io.ReadAll(s)
	require.ErrorIs(t, err, network.ErrReset)
	require.Empty(t, receiver.gossip)
}
