package p2p

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// freePort returns an address on which nobody listens.
func freePort(t *testing.T) string {
	ports, err := freeport.Ports(1)
	require.NoError(t, err)
	return fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", ports[0])
}

// The first attempts that fail already say why, in a few words.
func TestTheReasonOfAnAbsenceIsKnown(t *testing.T) {
	other, err := New(testConfig(3))
	require.NoError(t, err)
	go func() { _ = other.Run(t.Context(), &events{}) }()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	refused := freePort(t)
	cases := []struct {
		addresses []string
		reason    string
	}{
		{[]string{refused}, "connection refused"},
		{nil, noAddress},
		{[]string{"/ip4/0.0.0.0/tcp/1"}, noAddress},
		{[]string{"/ip4/127.0.0.1/udp/1/quic-v1"}, noAddress}, // QUIC is off
		{[]string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", silent.Addr().(*net.TCPAddr).Port)}, "timeout"},
		{[]string{"/dns4/no-such-host.invalid/tcp/1"}, "no"},
		{other.Addresses(), "another node answers, with key " + testKey(3).Public().PeerID()},
	}
	config := testConfig(0)
	config.DialTimeout = time.Second
	for i, test := range cases {
		config.Peers = append(config.Peers, membership.Peer{Key: testKey(10 + i).Public(), Addresses: test.addresses})
	}
	made, err := New(config)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- made.Run(ctx, &events{}) }()
	for i, test := range cases {
		key := testKey(10 + i).Public()
		require.Eventually(t, func() bool { return made.Absence(key) != "" }, patience, time.Millisecond, "%v", test.addresses)
		require.True(t, strings.HasPrefix(made.Absence(key), test.reason), "%v: %s", test.addresses, made.Absence(key))
	}
	require.Empty(t, made.Absence(testKey(99).Public()), "nobody knows it")
	cancel()
	require.NoError(t, <-ended)
}

func TestReasonsAreShort(t *testing.T) {
	require.Equal(t, "no route", reasonOf(fmt.Errorf("dial: %w", syscall.EHOSTUNREACH)))
	require.Equal(t, "this node may open no more connections", reasonOf(fmt.Errorf("dial: %w", syscall.EMFILE)))
	require.Equal(t, "this node may open no more connections", reasonOf(errNoSeat))
	require.Equal(t, "first", reasonOf(errors.New("first\nsecond")))
	require.Len(t, reasonOf(errors.New(strings.Repeat("x", 1000))), 120)
}
