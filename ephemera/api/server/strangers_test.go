package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// from opens a connection from an address on loopback, and sends a text.
func from(t *testing.T, s *server.Server, source, text string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, _ = io.WriteString(conn, text) // the server may have closed it
	return conn
}

// status reads the status line of an answer.
func status(t *testing.T, conn net.Conn) string {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	return line
}

func TestPlacesOfSubscribersAreSharedOutPerAddress(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{MaxSubscribers: 8})
	var strangers []net.Conn
	for i := range 16 {
		conn := from(t, s, "127.0.0.5", webSocket)
		if i < 4 {
			require.Contains(t, status(t, conn), "101")
			strangers = append(strangers, conn)
		} else {
			require.Contains(t, status(t, conn), "503", "an address has half of the places")
		}
	}
	for range 4 {
		require.Contains(t, status(t, from(t, s, "127.0.0.6", webSocket)), "101")
	}
	for range 2 { // all places are taken, and this address has none
		require.Contains(t, status(t, from(t, s, "127.0.0.7", webSocket)), "101")
	}
	_, err := io.Copy(io.Discard, strangers[0])
	require.NoError(t, err, "the oldest of those that have the most is told, and disconnected")
}

// loading is an API whose lists of blocks take until they are released.
type loading struct {
	api.API
	begun, released chan struct{}
}

func (l loading) ListBlocks(ctx context.Context, query api.ListQuery) (api.BlockPage, error) {
	l.begun <- struct{}{}
	<-l.released
	return l.API.ListBlocks(ctx, query)
}

// Lists leave connections to the store for what else reads from it, readiness for one: SQLite has
// four.
func TestListsLeaveRoomForOtherReads(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	of := loading{c.API(0), make(chan struct{}, 100), make(chan struct{})}
	s := serve(t, of, server.Config{})
	list := "GET " + api.PathBlocks + " HTTP/1.1\r\nHost: localhost\r\n\r\n"
	var callers []net.Conn
	for i := range 8 {
		callers = append(callers, from(t, s, fmt.Sprintf("127.0.0.%d", 2+i%4), list))
	}
	<-of.begun
	<-of.begun
	for _, path := range []string{api.PathConfig, api.PathLive, api.PathHealth} {
		require.Equal(t, http.StatusOK, do(t, request(t, http.MethodGet, s.URL()+path, "")).Status, path)
	}
	require.Empty(t, of.begun, "two at a time")
	close(of.released)
	for _, caller := range callers {
		require.Contains(t, status(t, caller), "200")
	}
}

// Strangers take what they can from other addresses and from that of the honest caller, which is
// still answered.
func TestStrangersKeepNobodyOut(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{MaxConnections: 64, MaxBody: 1 << 20, MemoryBytes: 4 << 20, Registry: prometheus.NewRegistry(), RequestsPerSecond: 1 << 20})
	post := "POST " + api.PathSubmit + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
	for name, text := range map[string]string{
		"idle connections": "GET " + api.PathLive + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"slow headers":     "GET " + api.PathLive + " HTTP/1.1\r\n",
		"slow bodies":      post + strings.Repeat(" ", 900_000),
		"slow readers":     "GET " + api.PathOpenAPI + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"probes":           strings.Repeat("GET "+api.PathTelemetry+" HTTP/1.1\r\nHost: localhost\r\n\r\n", 20),
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 120 {
				conn := from(t, s, fmt.Sprintf("127.0.0.%d", 1+i%4), "")
				require.NoError(t, conn.SetWriteDeadline(time.Now().Add(time.Second)))
				_, _ = io.WriteString(conn, text)
			}
			for _, path := range []string{api.PathLive, api.PathReady, api.PathHealth, api.PathTelemetry, api.PathConfig} {
				answer := do(t, request(t, http.MethodGet, s.URL()+path, ""))
				require.NotEqual(t, api.ProblemType, answer.Header.Get("Content-Type"), "%s: %s", path, answer.Body)
				if path != api.PathReady { // a node alone may not be ready
					require.Equal(t, http.StatusOK, answer.Status, path)
				}
			}
		})
	}
}

// flowing is an API that makes a copy of each block for each subscriber.
type flowing struct{ api.API }

func (flowing) Subscribe(ctx context.Context, _ api.Subscription) iter.Seq2[api.Entry, error] {
	return func(yield func(api.Entry, error) bool) {
		for cursor := api.Cursor(1); ctx.Err() == nil; cursor++ {
			message := api.Message{Payload: bytes.Repeat([]byte{byte(cursor)}, 1<<20)}
			if !yield(api.Entry{Cursor: cursor, Block: api.Block{Messages: []api.Message{message}}}, nil) {
				return
			}
		}
	}
}

// Subscribers that do not read have a block of 1 MiB sent to them, which is in memory once.
func TestSubscribersThatDoNotReadShareTheirBlocks(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, flowing{c.API(0)}, server.Config{MaxSubscribers: 64})
	inUse := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := inUse()
	for i := range 60 {
		conn := from(t, s, fmt.Sprintf("127.0.0.%d", 5+i%3), "")
		require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
		_, err := io.WriteString(conn, webSocket)
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		reader := bufio.NewReaderSize(conn, 16)
		for line := ""; line != "\r\n"; {
			line, err = reader.ReadString('\n')
			require.NoError(t, err)
		}
		_, err = reader.ReadByte() // of the block
		require.NoError(t, err)
	}
	grown := inUse() - before
	t.Logf("%d KiB for each subscriber", grown/60>>10)
	require.Less(t, grown, int64(24<<20), "60 copies would be 80 MB in JSON, and 60 MB before")
}
