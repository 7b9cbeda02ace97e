package p2p

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testKey(i int) keys.Private { return keys.FromSeed([32]byte{byte(i), byte(i >> 8), 1}) }

// testConfig returns the configuration of the i-th member of the test network.
func testConfig(i int) Config {
	return Config{
		Network: "p2p-test", Key: testKey(i), Backoff: transport.Backoff{First: 10e6, Cap: 200e6},
		Limits: limits.Transport{FrameBytes: transporttest.MaxFrameBytes, QueueFrames: transporttest.QueueFrames},
	}
}

// connected returns transports that know each other.
func connected(t *testing.T, configs ...Config) []*Transport {
	var (
		all   []*Transport
		peers []membership.Peer
	)
	for _, config := range configs {
		made, err := New(config)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, made.Close()) })
		all = append(all, made)
		peers = append(peers, membership.Peer{Key: config.Key.Public(), Addresses: made.Addresses()})
	}
	for _, made := range all {
		require.NoError(t, made.SetPeers(peers))
	}
	return all
}

// Of several listen addresses, none is left out silently: one that is in use, or of another
// machine, is an error that names it.
func TestEveryListenAddressIsBoundOrNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	free := "/ip4/127.0.0.1/tcp/0"
	for _, bad := range []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", taken.Addr().(*net.TCPAddr).Port), "/ip4/192.0.2.77/tcp/3000"} {
		for _, listen := range [][]string{{bad, free}, {free, bad}} {
			config := testConfig(0)
			config.Listen = listen
			_, err := New(config)
			require.ErrorContains(t, err, "listen on "+bad)
			require.ErrorContains(t, err, "choose another address")
		}
	}
	config := testConfig(0)
	config.Listen = []string{free, free}
	both := connected(t, config)[0]
	require.Len(t, both.Addresses(), 2)
}

func TestConformance(t *testing.T) {
	for _, mode := range []Mode{Flood, Mesh, Direct} {
		t.Run(mode.String(), func(t *testing.T) { transporttest.Run(t, fresh(mode)) })
	}
}

// fresh returns transports that use one gossip mode.
func fresh(mode Mode) transporttest.Fresh {
	return func(t *testing.T, n int, options transporttest.Options) []transporttest.Member {
		var configs []Config
		for i := range n {
			config := testConfig(i)
			config.Gossip = mode
			if !options.Gossip {
				config.Gossip = Off
			}
			configs = append(configs, config)
		}
		var (
			members []transporttest.Member
			peers   []membership.Peer
			made    = connected(t, configs...)
		)
		for i, config := range configs {
			peers = append(peers, membership.Peer{Key: config.Key.Public(), Addresses: made[i].Addresses()})
		}
		for i, config := range configs {
			config.Listen, config.Peers = made[i].Addresses(), peers
			members = append(members, transporttest.Member{Key: config.Key.Public(), Transport: made[i], Restart: func() transport.Transport {
				again, err := New(config)
				require.NoError(t, err)
				return again
			}})
		}
		return members
	}
}
