package p2p

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// opened counts the ends of connections that are open, now and at most.
type opened struct {
	network.NoopNotifiee
	open, most atomic.Int64
}

func (o *opened) Connected(network.Network, network.Conn) {
	open := o.open.Add(1)
	for most := o.most.Load(); open > most && !o.most.CompareAndSwap(most, open); most = o.most.Load() {
	}
}

func (o *opened) Disconnected(network.Network, network.Conn) { o.open.Add(-1) }

// startGroup starts n members at the same time, and returns when all are connected.
func startGroup(t *testing.T, n int, change func(*Config)) *opened {
	var configs []Config
	for i := range n {
		config := testConfig(i)
		change(&config)
		configs = append(configs, config)
	}
	group, conns := connected(t, configs...), &opened{}
	for _, made := range group {
		made.host.Network().Notify(conns)
	}
	for _, made := range group {
		start(t, made)
	}
	for _, made := range group {
		require.Eventually(t, func() bool { return len(made.Online()) == n-1 }, patience, time.Millisecond)
	}
	return conns
}

// A group that starts together opens one connection for most pairs, although both members dial.
func TestMembersThatStartTogetherConnectOnce(t *testing.T) {
	const n = 14
	conns := startGroup(t, n, func(c *Config) { c.Backoff.First, c.Backoff.Cap = defaultBackoffFirst, defaultBackoffCap })
	ends := int64(n * (n - 1))
	require.GreaterOrEqual(t, conns.open.Load(), ends)
	require.LessOrEqual(t, conns.most.Load(), ends+ends/2, "of %d needed ends of connections", ends)
}

// Of two connections with a member, the one without streams is closed, by the member that goes
// first.
func TestASecondConnectionIsClosed(t *testing.T) {
	us, them := 0, 2
	if testKey(us).Public().Compare(testKey(them).Public()) > 0 {
		us, them = them, us
	}
	config := testConfig(us)
	config.PingInterval, config.Gossip = 20*time.Millisecond, Off
	made := connected(t, config)[0]
	require.NoError(t, made.SetPeers([]membership.Peer{{Key: testKey(them).Public()}}))
	receiver := start(t, made)
	require.Eventually(t, made.isRunning, patience, time.Millisecond)
	connections := func() int { return len(made.host.Network().ConnsToPeer(peerID(testKey(them).Public()))) }

	first := attacker(t, testKey(them), libp2p.Ping(true))
	require.NoError(t, first.Connect(t.Context(), infoOf(t, made)))
	next(t, receiver.connected)
	used := stream(t, first, made)
	_, err := used.Write([]byte("\x01x"))
	require.NoError(t, err)
	require.Equal(t, "x", string(next(t, receiver.frames)))
	idle := attacker(t, testKey(them), libp2p.Ping(true))
	require.NoError(t, idle.Connect(t.Context(), infoOf(t, made)))
	require.Eventually(t, func() bool { return len(idle.Network().Conns()) == 0 && connections() == 1 }, patience, time.Millisecond)
	_, err = used.Write([]byte("\x01y"))
	require.NoError(t, err)
	require.Equal(t, "y", string(next(t, receiver.frames)))
	require.Empty(t, receiver.disconnected)
}
