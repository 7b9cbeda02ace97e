package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// TestNextHonestClientIsServed sends what a public port receives from strangers, with honest
// requests in between.
func TestNextHonestClientIsServed(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{MaxConnections: 32, MaxBody: 1 << 20, RequestsPerSecond: 1 << 20})
	address := strings.TrimPrefix(s.URL(), "http://")
	random := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) string {
		out := make([]byte, n)
		for i := range out {
			out[i] = byte(random.Uint32())
		}
		return string(out)
	}
	post := "POST " + api.PathSubmit + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	for name, say := range map[string]func() string{
		"nothing":             func() string { return "" },
		"half a request line": func() string { return "GET /liv" },
		"header without end":  func() string { return "GET /livez HTTP/1.1\r\nHost: localhost\r\nA: b\r\n" },
		"body without end":    func() string { return post + "Content-Length: 1000\r\n\r\n{" },
		"noise":               func() string { return noise(512) },
		"large header":        func() string { return "GET /livez HTTP/1.1\r\nHost: localhost\r\nA: " + strings.Repeat("b", 64<<10) },
		"wrong chunks":        func() string { return post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" },
		"large body":          func() string { return post + "Content-Length: 99999999\r\n\r\n" + strings.Repeat("a", 5<<18) },
		"deep nesting": func() string {
			body := strings.Repeat("[", 1<<16)
			return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", post, len(body), body)
		},
		"no UTF-8": func() string { return post + "Content-Length: 14\r\n\r\n{\"label\":\"\xff\xfe\"}" },
		"TLS":      func() string { return "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" },
		"half a WebSocket": func() string {
			return "GET /ephemera/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
		},
		"pipelined": func() string { return strings.Repeat("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 200) },
		"smuggled":  func() string { return post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
		"long path": func() string {
			return "GET /" + strings.Repeat("%2e%2e/", 1000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n"
		},
		"WebSocket then noise": func() string { return webSocket + noise(256) },
	} {
		t.Run(name, func(t *testing.T) {
			for range 60 { // more than MaxConnections, and none is closed by the client
				conn, err := net.Dial("tcp", address)
				require.NoError(t, err)
				t.Cleanup(func() { _ = conn.Close() })
				_, _ = conn.Write([]byte(say())) // the server may close the connection first
			}
			answer := do(t, request(t, http.MethodGet, s.URL()+api.PathLive, ""))
			require.Equal(t, http.StatusOK, answer.Status)
		})
	}
}

const webSocket = "GET /ephemera/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

func TestManyConnectionsTakeBoundedMemory(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{MaxConnections: 64})
	address := strings.TrimPrefix(s.URL(), "http://")
	before := runtime.NumGoroutine()
	for range 1000 {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n"))
		t.Cleanup(func() { _ = conn.Close() })
	}
	require.Equal(t, http.StatusOK, do(t, request(t, http.MethodGet, s.URL()+api.PathLive, "")).Status)
	require.Eventually(t, func() bool { return runtime.NumGoroutine() < before+2*64+50 }, time.Minute, 10*time.Millisecond)
}

func TestSlowRequestsEnd(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	for name, slow := range map[string]struct {
		config      server.Config
		say, answer string
	}{
		"header": {server.Config{ReadHeaderTimeout: 50 * time.Millisecond}, "GET /livez HTTP/1.1\r\nHost: localhost\r\n", ""},
		"body": { // the header arrives in time on any machine
			server.Config{ReadHeaderTimeout: time.Minute, ReadTimeout: 100 * time.Millisecond},
			"POST " + api.PathSubmit + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{", "408",
		},
	} {
		s := serve(t, c.API(0), slow.config)
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
		require.NoError(t, err)
		_, err = conn.Write([]byte(slow.say))
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
		answer, err := io.ReadAll(bufio.NewReader(conn))
		if !errors.Is(err, syscall.ECONNRESET) { // the server had unread data
			require.NoError(t, err, name) // the server ends the connection
		}
		require.Contains(t, string(answer), slow.answer, name)
		require.NoError(t, conn.Close())
	}
}
