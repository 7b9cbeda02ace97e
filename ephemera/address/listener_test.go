package address_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
)

func TestPortsAndBlanksOfListenersAndURLsAreChecked(t *testing.T) {
	for _, text := range []string{":0", "127.0.0.1:65535", "[::1]:80", "host:1"} {
		require.NoError(t, address.CheckHostPort(text), text)
	}
	for _, text := range []string{"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:-1", " 127.0.0.1:0", "127.0.0.1:0\n", "a b:1", "h:http"} {
		require.Error(t, address.CheckHostPort(text), "%q", text)
	}
	for _, text := range []string{"http://127.0.0.1:8080", "https://host/a?b", "http://[::1]:1/"} {
		_, err := address.ParseURL(text)
		require.NoError(t, err, text)
	}
	for _, text := range []string{"", "host", "ftp://host", "http://", "http://:80", "http://host:99999", "http://host:0", "http://host/a ", "http://host/a b", "http://host\n"} {
		_, err := address.ParseURL(text)
		require.Error(t, err, "%q", text)
	}
}

func TestTwoListenersThatNeedOnePortAreFound(t *testing.T) {
	check := func(a, b string) error {
		return address.CheckDistinct(address.Listener{Setting: "a", Address: a}, address.Listener{Setting: "b", Address: b})
	}
	for _, same := range [][2]string{
		{"127.0.0.1:1", "127.0.0.1:1"},
		{"localhost:1", "127.0.0.1:01"},
		{":1", "127.0.0.1:1"},
		{"[::1]:1", "0.0.0.0:1"},
		{"[::]:1", ":1"},
		{"127.0.0.1:1", "/ip4/127.0.0.1/tcp/1"},
		{"/ip4/0.0.0.0/tcp/1", "127.0.0.1:1"},
	} {
		require.ErrorContains(t, check(same[0], same[1]), "expected different ports", "%q", same)
	}
	for _, different := range [][2]string{
		{"127.0.0.1:0", "127.0.0.1:0"},
		{"127.0.0.1:1", "127.0.0.2:1"},
		{"127.0.0.1:1", ":2"},
		{"", ""},
		{"", ":1"},
		{"127.0.0.1:1", "/ip4/127.0.0.1/udp/1/quic-v1"},
		{"127.0.0.1:1", "/ip6/::1/tcp/1"},
	} {
		require.NoError(t, check(different[0], different[1]), "%q", different)
	}
}
