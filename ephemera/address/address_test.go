package address_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
)

func TestOnlyAddressesThatAMemberCanDialAreUsable(t *testing.T) {
	usable := []string{
		"/ip4/127.0.0.1/tcp/3000", "/ip6/::1/tcp/1", "/dns4/host/tcp/65535", "/dns/host/udp/3000/quic-v1", "/dnsaddr/host.example",
		"/ip6zone/eth0/ip6/fe80::1/tcp/3000",
	}
	for _, text := range usable {
		require.NoError(t, address.Dialable(text), text)
	}
	for _, text := range []string{
		"", "/", "x", "/not-a-multiaddr", "/ip4/127.0.0.1", "/tcp/3000", "/ip4/127.0.0.1/udp/3000", "/ip4/127.0.0.1/udp/3000/quic",
		"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/0.0.0.0/tcp/3000", "/ip6/::/tcp/3000", "/ip6/::ffff:0.0.0.0/tcp/3000",
		"/ip4/224.0.0.1/tcp/1", "/ip4/255.255.255.255/tcp/1", "/dns4/host/tcp/3000/ws", "/dns4/host/tcp/443/wss", "/dns4/host/tcp/99999",
		"/unix/tmp/x", "/dns4//tcp/1", "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA", "/ip4/127.0.0.1/tcp/1\n",
	} {
		require.Error(t, address.Dialable(text), "%q", text)
		kept, err := address.Usable(append([]string{text}, usable...))
		require.Error(t, err)
		require.Equal(t, usable, kept)
	}
}

func TestListenableAllowsWildcardsAndQUICOnlyWhereItIsOn(t *testing.T) {
	require.NoError(t, address.Listenable("/ip4/0.0.0.0/tcp/0", false))
	require.NoError(t, address.Listenable("/ip6/::/udp/0/quic-v1", true))
	require.Error(t, address.Listenable("/ip6/::/udp/0/quic-v1", false))
	for _, text := range []string{"/dns4/localhost/tcp/1", "/ip4/0.0.0.0/udp/1", "/ip4/0.0.0.0/tcp/1/ws", "x"} {
		require.Error(t, address.Listenable(text, true), text)
	}
}
