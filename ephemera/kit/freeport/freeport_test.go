package freeport_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
)

// No port is one that the system may give to a connection, and each can be listened on twice.
func TestPortsAreFreeAndBelowThoseOfConnections(t *testing.T) {
	const connections = 32_768
	ports, err := freeport.Ports(300)
	require.NoError(t, err)
	require.Len(t, ports, 300)
	seen := map[int]bool{}
	for _, port := range ports {
		require.Less(t, port, connections)
		require.Greater(t, port, 1023)
		require.False(t, seen[port], "port %d twice", port)
		seen[port] = true
	}
	address, err := freeport.Address()
	require.NoError(t, err)
	for range 2 {
		listener, err := net.Listen("tcp", address)
		require.NoError(t, err)
		require.NoError(t, listener.Close())
	}
}

func TestMorePortsThanThereAreAreRefused(t *testing.T) {
	_, err := freeport.Ports(30_000)
	require.ErrorContains(t, err, "no 30000 free ports among 10240..32767")
}
