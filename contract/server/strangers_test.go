package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// Strangers without a key take what they can from many addresses. Before, 600 bodies of 4.2 MB took
// 5.9 GB, and idle connections kept members out.
func TestStrangersWithoutAKeyKeepNoMemberOut(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	address := strings.TrimPrefix(w.URL(), "http://")
	const size = 4_100_000
	post := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", contract.PathSubmit, contract.ContentType, size)
	for name, text := range map[string]string{
		"slow bodies":      post + strings.Repeat("a", size-1),
		"idle connections": "GET " + contract.PathLive + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"slow readers":     "GET " + contract.PathPeerInfo + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"slow headers":     "GET / HT",
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			for i := range 120 {
				dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%6))}, Timeout: 10 * time.Second}
				conn, err := dialer.DialContext(t.Context(), "tcp", address)
				require.NoError(t, err)
				t.Cleanup(func() { _ = conn.Close() })
				require.NoError(t, conn.SetWriteDeadline(time.Now().Add(time.Second)))
				_, _ = io.WriteString(conn, text) // the server may have closed it
			}
			for _, path := range []string{contract.PathLive, contract.PathReady, contract.PathPeerInfo} {
				client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
				answer, err := client.Get(w.URL() + path)
				require.NoError(t, err, path)
				require.NoError(t, answer.Body.Close())
				require.Equal(t, http.StatusOK, answer.StatusCode, path)
			}
			require.Less(t, heap()-before, int64(200<<20), "120 bodies would be 490 MB")
		})
	}
}

// heap returns the bytes in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
