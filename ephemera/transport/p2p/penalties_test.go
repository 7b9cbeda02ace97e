package p2p

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

func TestCutsGrowEndAndAreForgiven(t *testing.T) {
	rules := limits.Conduct{Patience: 100, Forgiven: 2, First: 5 * time.Second, Longest: time.Minute}
	p, now := newPenalties(rules), time.Unix(1000, 0)
	misbehave := func() time.Duration {
		for range 10 {
			require.Zero(t, p.add(now, garbage))
		}
		return p.add(now, garbage)
	}
	for _, want := range []time.Duration{5, 10, 20, 40, 60, 60} {
		require.Equal(t, want*time.Second, misbehave())
		require.Equal(t, want*time.Second, p.remaining(now))
		require.Zero(t, p.add(now, garbage), "a peer that is cut off is not penalised further")
		now = now.Add(want * time.Second)
		require.Zero(t, p.remaining(now), "the cut ends")
	}
	now = now.Add(rules.Longest + time.Second)
	require.Equal(t, rules.First, misbehave(), "old offences are forgiven")
}

// A peer whose offences come no faster than they are forgiven is never cut off. No cut is longer
// than the longest.
func TestCutsAreBoundedAndSpareRareOffenders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := limits.Conduct{
			Patience: rapid.IntRange(1, 200).Draw(t, "patience"), Forgiven: rapid.IntRange(1, 10).Draw(t, "forgiven"),
			First: time.Second, Longest: time.Duration(rapid.IntRange(1, 600).Draw(t, "longest")) * time.Second,
		}
		rash, mild, now := newPenalties(rules), newPenalties(rules), time.Unix(1000, 0)
		weight := rapid.IntRange(1, rules.Patience).Draw(t, "weight")
		for range 100 {
			now = now.Add(time.Duration(weight)*time.Second/time.Duration(rules.Forgiven) + time.Millisecond)
			require.Zero(t, mild.add(now, weight))
			for range rapid.IntRange(0, 50).Draw(t, "offences") {
				require.LessOrEqual(t, rash.add(now, weight), rules.Longest)
			}
			require.LessOrEqual(t, rash.remaining(now), rules.Longest)
		}
	})
}

// strict configures a victim that cuts off soon and for a short time.
func strict(change func(*Config)) func(*Config) {
	return func(c *Config) {
		c.Limits.Conduct = limits.Conduct{Patience: 100, Forgiven: 1, First: 300 * time.Millisecond, Longest: 300 * time.Millisecond}
		if change != nil {
			change(c)
		}
	}
}

// writeUntilCut writes data repeatedly until the victim counts another cut.
func writeUntilCut(t *testing.T, frames kind, made *Transport, evil host.Host, data []byte) {
	t.Helper()
	cuts := made.Traffic().Cuts
	s := streamOf(t, frames, evil, made)
	require.Eventually(t, func() bool {
		_, err := s.Write(data)
		if err != nil && made.Traffic().Cuts == cuts {
			if again, err := evil.NewStream(network.WithNoDial(t.Context(), "test"), made.host.ID(), made.protocols[frames]); err == nil {
				s = again
			}
		}
		return made.Traffic().Cuts > cuts
	}, patience, time.Millisecond)
}

// requireCutAndReturn checks that the peer loses its connections, is refused, and can connect again
// after the cut.
func requireCutAndReturn(t *testing.T, made *Transport, receiver *events, honest *Transport, evil host.Host) {
	t.Helper()
	require.Equal(t, testKey(2).Public(), next(t, receiver.disconnected))
	require.NotContains(t, made.Online(), testKey(2).Public())
	requireServing(t, receiver, honest, made)
	require.Equal(t, uint64(1), made.Traffic().Cuts)
	require.Eventually(t, func() bool {
		_ = evil.Connect(t.Context(), infoOf(t, made))
		return len(receiver.connected) > 0
	}, patience, 50*time.Millisecond)
	require.Equal(t, testKey(2).Public(), next(t, receiver.connected))
	s := stream(t, evil, made)
	_, err := s.Write([]byte{3, 'y', 'e', 's'})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return string(next(t, receiver.frames)) == "yes" }, patience, time.Millisecond)
	requireServing(t, receiver, honest, made)
}

func TestPeerThatSendsGarbageIsCutOff(t *testing.T) {
	made, receiver, honest, evil := victim(t, strict(nil))
	writeUntilCut(t, direct, made, evil, []byte{3, 'b', 'a', 'd'})
	requireCutAndReturn(t, made, receiver, honest, evil)
}

func TestPeerThatCausesTooMuchWorkIsCutOff(t *testing.T) {
	made, receiver, honest, evil := victim(t, strict(nil))
	writeUntilCut(t, direct, made, evil, []byte{4, 'd', 'e', 'a', 'r'})
	require.GreaterOrEqual(t, made.Traffic().Throttled, uint64(100/throttled))
	requireCutAndReturn(t, made, receiver, honest, evil)
}

func TestPeerThatFloodsIsDelayedAndCutOff(t *testing.T) {
	made, receiver, honest, evil := victim(t, strict(func(c *Config) {
		c.Limits.FramesPerSecond, c.Limits.FramesBurst = 20, 20
		c.Limits.Conduct.Patience = throttled // exhausted by the second full second of delay
	}))
	begin := time.Now()
	flood := make([]byte, 0, 2000)
	for range 1000 {
		flood = append(flood, 1, 'f')
	}
	s := stream(t, evil, made)
	_, err := s.Write(flood)
	require.NoError(t, err)
	require.Equal(t, testKey(2).Public(), next(t, receiver.disconnected))
	took, got := time.Since(begin), len(receiver.frames)
	require.LessOrEqual(t, got, 20+int(took.Seconds()*20)+1, "frames arrive no faster than the rate limit")
	require.NotZero(t, made.Traffic().Throttled)
	require.Equal(t, uint64(1), made.Traffic().Cuts)
	requireServing(t, receiver, honest, made)
}

func TestPeerThatStallsRepeatedlyIsCutOff(t *testing.T) {
	made, receiver, honest, evil := victim(t, strict(func(c *Config) {
		c.StallTimeout = 50 * time.Millisecond
		c.Limits.Conduct.Patience = 3 * stalled
	}))
	for range 4 {
		s := stream(t, evil, made)
		_, err := s.Write([]byte{100, 1, 2, 3})
		require.NoError(t, err)
		_, err = io.ReadAll(s)
		require.Error(t, err)
	}
	requireCutAndReturn(t, made, receiver, honest, evil)
}

// rpc encodes messages as GossipSub reads them from a stream.
func rpc(t *testing.T, messages ...[]byte) []byte {
	t.Helper()
	topic := "/ephemera/p2p-test/messages"
	var out pb.RPC
	for _, data := range messages {
		out.Publish = append(out.Publish, &pb.Message{Data: data, Topic: &topic})
	}
	encoded, err := proto.Marshal(&out)
	require.NoError(t, err)
	return append(binary.AppendUvarint(nil, uint64(len(encoded))), encoded...)
}

func gossipStream(t *testing.T, from host.Host, to *Transport) network.Stream {
	t.Helper()
	s, err := from.NewStream(t.Context(), to.host.ID(), "/meshsub/1.1.0")
	require.NoError(t, err)
	return s
}

func TestPeerThatFloodsGossipIsCutOff(t *testing.T) {
	made, receiver, honest, evil := victim(t, strict(func(c *Config) {
		c.Limits.GossipFramesPerSecond, c.Limits.GossipFramesBurst = 10, 10
	}))
	s := gossipStream(t, evil, made)
	for i := range 300 {
		if _, err := s.Write(rpc(t, fmt.Appendf(nil, "%d", i))); err != nil {
			break // cut
		}
	}
	require.Equal(t, testKey(2).Public(), next(t, receiver.disconnected))
	require.LessOrEqual(t, len(receiver.gossip), 100, "most of it is dropped unread")
	require.NotZero(t, made.Traffic().Throttled)
	require.Equal(t, uint64(1), made.Traffic().Cuts)
	requireServing(t, receiver, honest, made)
}

func TestPeerThatForwardsGarbageIsCutOff(t *testing.T) {
	made, receiver, honest, evil := victim(t, strict(nil))
	s := gossipStream(t, evil, made)
	for i := range 20 {
		if _, err := s.Write(rpc(t, fmt.Appendf(nil, "bad %d", i))); err != nil {
			break
		}
	}
	requireCutAndReturn(t, made, receiver, honest, evil)
	require.Empty(t, receiver.frames)
}

// While the node's own receiver blocks, its queues fill and frames are dropped. No peer is blamed.
func TestSlowReceiverIsNotBlamedOnPeers(t *testing.T) {
	made, receiver, honest, evil := victim(t, strict(func(c *Config) {
		c.Limits.GossipFrames = 4
		c.StallTimeout = 50 * time.Millisecond
	}))
	receiver.hold.Lock()
	s := gossipStream(t, evil, made)
	for i := range 200 {
		_, err := s.Write(rpc(t, fmt.Appendf(nil, "good %d", i)))
		require.NoError(t, err)
	}
	direct := stream(t, evil, made)
	for range 10 {
		_, err := direct.Write([]byte{1, 'x'})
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return made.Traffic().ReceivedFrames >= 100 }, patience, time.Millisecond)
	receiver.hold.Unlock()
	for range 10 {
		require.Equal(t, "x", string(next(t, receiver.frames)))
	}
	require.Zero(t, made.Traffic().Cuts)
	require.Contains(t, made.Online(), testKey(2).Public())
	requireServing(t, receiver, honest, made)
}

func TestMemberThatDoesNotAnswerIsDisconnected(t *testing.T) {
	made, receiver, honest, evil := unconnected(t, func(c *Config) { c.PingInterval, c.PingTimeout = 50*time.Millisecond, time.Second })
	evil.SetStreamHandler(ping.ID, func(network.Stream) {}) // never answers
	join(t, evil, made, receiver)
	require.Equal(t, testKey(2).Public(), next(t, receiver.disconnected))
	require.NotZero(t, made.Traffic().Unanswered)
	require.Zero(t, made.Traffic().Cuts, "a missing answer is not an offence")
	require.NoError(t, evil.Connect(t.Context(), infoOf(t, made)))
	requireServing(t, receiver, honest, made)
}

// A member that sends frames is alive, even if it does not answer pings.
func TestFramesCountAsAnswersToPings(t *testing.T) {
	made, receiver, _, evil := unconnected(t, func(c *Config) { c.PingInterval, c.PingTimeout = 20*time.Millisecond, time.Second })
	pinged := make(chan struct{}, 1000)
	evil.SetStreamHandler(ping.ID, func(network.Stream) { pinged <- struct{}{} })
	join(t, evil, made, receiver)
	s := stream(t, evil, made)
	for beats := time.NewTicker(20 * time.Millisecond); len(pinged) < 3; <-beats.C {
		_, err := s.Write([]byte{1, 'x'})
		require.NoError(t, err)
		next(t, receiver.frames)
	}
	require.Zero(t, made.Traffic().Unanswered)
}

func TestPeerThatOpensTooManyStreamsIsCutOff(t *testing.T) {
	made, receiver, honest, evil := victim(t, strict(func(c *Config) { c.Limits.StreamsPerPeer, c.Limits.StreamsPerSecond = 8, 1 }))
	require.Eventually(t, func() bool {
		if s, err := evil.NewStream(network.WithNoDial(t.Context(), "test"), made.host.ID(), made.protocols[direct]); err == nil {
			_, _ = s.Write([]byte{1, 'x'}) // opens it on the wire
			_ = s.Reset()
		}
		return made.Traffic().Cuts > 0
	}, patience, time.Millisecond)
	for len(receiver.frames) > 0 {
		<-receiver.frames
	}
	requireServing(t, receiver, honest, made)
}

func TestModesRoundTrip(t *testing.T) {
	for _, mode := range []Mode{Flood, Mesh, Direct, Off} {
		text, err := mode.MarshalText()
		require.NoError(t, err)
		var again Mode
		require.NoError(t, again.UnmarshalText(text))
		require.Equal(t, mode, again)
	}
	mode := Off
	require.NoError(t, mode.UnmarshalText(nil))
	require.Equal(t, Flood, mode)
	require.ErrorContains(t, mode.UnmarshalText([]byte("loud")), "flood, mesh, direct or off")
}

// The neighbours are the closest members, and those to whom this one is one of the closest.
func TestNeighboursAreTheClosestMembers(t *testing.T) {
	var configs []Config
	for i := range 10 {
		configs = append(configs, testConfig(i))
	}
	all := connected(t, configs...)
	closerThan := func(to, a, b *Transport) bool {
		da, db := distance(to.host.ID(), a.host.ID()), distance(to.host.ID(), b.host.ID())
		return bytes.Compare(da[:], db[:]) < 0
	}
	isClose := func(to, other *Transport) bool {
		closer := 0
		for _, third := range all {
			if third != to && third != other && closerThan(to, third, other) {
				closer++
			}
		}
		return closer < neighbours
	}
	for _, x := range all {
		for _, y := range all {
			if x != y {
				require.Equal(t, isClose(x, y) || isClose(y, x), x.isNeighbour(y.host.ID()))
				require.Equal(t, x.isNeighbour(y.host.ID()), y.isNeighbour(x.host.ID()))
			}
		}
	}
	require.NoError(t, all[0].SetPeers([]membership.Peer{{Key: testKey(1).Public()}}))
	require.True(t, all[0].isNeighbour(all[1].host.ID()), "in a small group all members are neighbours")
}
