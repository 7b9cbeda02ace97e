package p2p

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

func TestPeerIDsMatchLibp2p(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var seed [32]byte
		copy(seed[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		key := keys.FromSeed(seed)
		public := key.Public()
		secret, err := crypto.UnmarshalEd25519PrivateKey(append(seed[:], public[:]...))
		require.NoError(t, err)
		id, err := peer.IDFromPrivateKey(secret)
		require.NoError(t, err)
		require.Equal(t, id.String(), public.PeerID())
		require.Equal(t, id, peerID(public))
		signature, err := secret.Sign([]byte("x"))
		require.NoError(t, err)
		ours := key.Sign([]byte("x"))
		require.Equal(t, signature, ours[:])
	})
}

func TestMembersAreAddedAndRemovedWhileRunning(t *testing.T) {
	all := connected(t, testConfig(0), testConfig(1))
	first, second := testKey(0).Public(), testKey(1).Public()
	require.NoError(t, all[0].SetPeers(nil))
	zero, one := start(t, all[0]), start(t, all[1])
	require.Empty(t, all[0].Online())

	require.NoError(t, all[0].SetPeers([]membership.Peer{{Key: second, Addresses: all[1].Addresses()}}))
	require.Equal(t, second, next(t, zero.connected))
	require.Equal(t, first, next(t, one.connected))

	require.NoError(t, all[0].SetPeers(nil))
	require.Equal(t, second, next(t, zero.disconnected))
	require.Equal(t, first, next(t, one.disconnected))
	require.False(t, all[0].Send(second, []byte("x")))

	require.NoError(t, all[0].SetPeers([]membership.Peer{{Key: second, Addresses: all[1].Addresses()}}))
	require.Equal(t, second, next(t, zero.connected))
	require.Eventually(t, func() bool { return all[0].Send(second, []byte("back")) }, patience, time.Millisecond)
	require.Equal(t, "back", string(next(t, one.frames)))
}

// Both members dial, but not at the same time: when all members start together, each two have one
// connection.
func TestMembersThatStartTogetherHaveOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, stop := onSlowLinks(t, 20*time.Millisecond, Flood, Flood, Flood, Flood)
		defer stop()
		for _, made := range g.members {
			made.config.Backoff.First = 200 * time.Millisecond // more than a handshake takes
		}
		g.start()
		<-time.After(5 * time.Second)
		for _, made := range g.members {
			require.Len(t, made.host.Network().Conns(), len(g.members)-1)
		}
	})
}

// Two members connect if only one of them has the other's address, even if it gets the right one
// later.
func TestAddressCanBeCorrectedLater(t *testing.T) {
	all := connected(t, testConfig(0), testConfig(1))
	second := testKey(1).Public()
	require.NoError(t, all[1].SetPeers([]membership.Peer{{Key: testKey(0).Public()}}))
	require.NoError(t, all[0].SetPeers([]membership.Peer{{Key: second, Addresses: []string{"/ip4/127.0.0.1/tcp/1"}}}))
	zero := start(t, all[0])
	start(t, all[1])
	require.NoError(t, all[0].SetPeers([]membership.Peer{{Key: second, Addresses: all[1].Addresses()}}))
	require.Equal(t, second, next(t, zero.connected))
}

func TestNamesAreResolved(t *testing.T) {
	all := connected(t, testConfig(0), testConfig(1))
	named := strings.Replace(all[1].Addresses()[0], "/ip4/127.0.0.1/", "/dns4/localhost/", 1)
	require.NoError(t, all[1].SetPeers([]membership.Peer{{Key: testKey(0).Public()}}))
	require.NoError(t, all[0].SetPeers([]membership.Peer{{Key: testKey(1).Public(), Addresses: []string{named}}}))
	zero := start(t, all[0])
	start(t, all[1])
	require.Equal(t, testKey(1).Public(), next(t, zero.connected))
}

func TestAnnouncedAddressesReplaceListenAddresses(t *testing.T) {
	config := testConfig(0)
	config.Announce = []string{"/dns4/nymapi-1/tcp/3000"}
	require.Equal(t, config.Announce, connected(t, config)[0].Addresses())
	config.Announce = nil
	addresses := connected(t, config)[0].Addresses()
	require.Len(t, addresses, 1)
	require.Regexp(t, `^/ip4/127\.0\.0\.1/tcp/[1-9][0-9]*$`, addresses[0])
}

func TestQUIC(t *testing.T) {
	var configs []Config
	for i := range 2 {
		config := testConfig(i)
		config.QUIC, config.Listen = true, []string{"/ip4/127.0.0.1/udp/0/quic-v1"}
		configs = append(configs, config)
	}
	all := connected(t, configs...)
	zero, one := start(t, all[0]), start(t, all[1])
	next(t, zero.connected)
	next(t, one.connected)
	require.True(t, all[0].Send(testKey(1).Public(), []byte("over QUIC")))
	require.Equal(t, "over QUIC", string(next(t, one.frames)))
}

// Three members in a line, whose ends are not connected. What the middle one accepts reaches the
// other end by lazy gossip, in either mode; what it rejects or ignores does not.
func TestOnlyAcceptedGossipIsForwarded(t *testing.T) {
	for _, mode := range []Mode{Flood, Mesh} {
		t.Run(mode.String(), func(t *testing.T) { testForwarding(t, mode) })
	}
}

func testForwarding(t *testing.T, mode Mode) {
	var configs []Config
	for i := range 3 {
		config := testConfig(i)
		config.Gossip = mode
		configs = append(configs, config)
	}
	all := connected(t, configs...)
	peerOf := func(i int) membership.Peer {
		return membership.Peer{Key: testKey(i).Public(), Addresses: all[i].Addresses()}
	}
	require.NoError(t, all[0].SetPeers([]membership.Peer{peerOf(1)}))
	require.NoError(t, all[2].SetPeers([]membership.Peer{peerOf(1)}))
	receivers := []*events{start(t, all[0]), start(t, all[1]), start(t, all[2])}
	next(t, receivers[1].connected)
	next(t, receivers[1].connected)

	publish := func(label byte, until func() bool) {
		count := byte(0)
		require.Eventually(t, func() bool {
			all[0].Publish([]byte{label, count})
			count++
			return until()
		}, patience, 50*time.Millisecond)
	}
	publish('b', func() bool { return len(receivers[1].gossip) > 0 }) // rejected, see events.Gossip
	heard := len(receivers[1].gossip)
	publish('i', func() bool { return len(receivers[1].gossip) > heard }) // ignored
	publish('g', func() bool { return len(receivers[2].gossip) > 0 })
	for len(receivers[2].gossip) > 0 {
		require.Equal(t, byte('g'), next(t, receivers[2].gossip)[0])
	}
}

// The configured address is wrong, and the Finder knows the right one.
func TestFinderIsAskedForTheAddress(t *testing.T) {
	all := connected(t, testConfig(0), testConfig(1))
	second := testKey(1).Public()
	require.NoError(t, all[1].SetPeers([]membership.Peer{{Key: testKey(0).Public()}}))
	require.NoError(t, all[0].SetPeers([]membership.Peer{{Key: second, Addresses: []string{"/ip4/127.0.0.1/tcp/1"}}}))
	var asked atomic.Int64
	all[0].SetFinder(func(_ context.Context, member keys.Public) ([]string, error) {
		require.Equal(t, second, member)
		switch asked.Add(1) {
		case 1:
			return nil, errors.New("address unknown")
		case 2:
			return []string{"not an address"}, nil
		}
		return all[1].Addresses(), nil
	})
	zero := start(t, all[0])
	start(t, all[1])
	require.Equal(t, second, next(t, zero.connected))
	require.Equal(t, int64(3), asked.Load())
}
