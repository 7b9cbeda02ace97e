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
		require.NoError(t, address.CheckURL(text), text)
	}
	for _, text := range []string{"", "host", "ftp://host", "http://", "http://:80", "http://host:99999", "http://host:0", "http://host/a ", "http://host/a b", "http://host\n"} {
		require.Error(t, address.CheckURL(text), "%q", text)
	}
}
