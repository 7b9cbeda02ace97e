package webserver_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

func TestOnlyATrustedProxySaysWhoCalls(t *testing.T) {
	trusted, err := webserver.ParseProxies([]string{"192.0.2.1", "198.51.100.0/24", "2001:db8::1"})
	require.NoError(t, err)
	for _, c := range []struct {
		proxies          webserver.Proxies
		peer, said, want string
	}{
		{nil, "192.0.2.1:1", "203.0.113.5", "192.0.2.1"},
		{trusted, "192.0.2.2:1", "203.0.113.5", "192.0.2.2"},
		{trusted, "192.0.2.1:1", "203.0.113.5", "203.0.113.5"},
		{trusted, "192.0.2.1:1", "10.9.9.9, 203.0.113.5, 198.51.100.7", "203.0.113.5"},
		{trusted, "192.0.2.1:1", "", "192.0.2.1"},
		{trusted, "192.0.2.1:1", "nonsense", "192.0.2.1"},
		{trusted, "[2001:db8::1]:1", "2001:db8:7:7:1::9", "2001:db8:7:7::/64"},
		{nil, "[2001:db8:1:2:3:4:5:6]:1", "", "2001:db8:1:2::/64"},
		{nil, "[::ffff:192.0.2.9]:1", "", "192.0.2.9"},
		{nil, "somewhere", "", "somewhere"},
	} {
		var got string
		r := request(t, http.MethodGet, "/", nil, "X-Forwarded-For", c.said)
		r.RemoteAddr = c.peer
		ask(c.proxies.ClientAddress(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = webserver.Caller(r) })), r)
		require.Equal(t, c.want, got, "%v", c)
	}
}

func TestProxiesAreAddressesOrPrefixes(t *testing.T) {
	for _, text := range []string{"", " ", "proxy.example", "10.0.0.0/33", "fe80::1%eth0", "10.0.0.1:80"} {
		_, err := webserver.ParseProxies([]string{text})
		require.ErrorContains(t, err, "expected an address or a prefix", text)
	}
	for _, all := range []string{"0.0.0.0/0", "::/0"} {
		_, err := webserver.ParseProxies([]string{all})
		require.ErrorContains(t, err, "any caller could claim any address")
	}
}
