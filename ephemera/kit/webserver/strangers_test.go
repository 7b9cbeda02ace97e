package webserver_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

const blockBytes = 4 << 20

// serving runs a server with an answer that never changes at /block, one that differs at each
// request at /page, a place for bodies at /submit and probes at /livez.
func serving(t *testing.T, config webserver.Config) *webserver.Server {
	t.Helper()
	s := bind(t, config)
	guard := refusing(io.Discard)
	block := bytes.Repeat([]byte("b"), blockBytes)
	var pages atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/block", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "immutable")
		_, _ = w.Write(block)
	})
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, pages.Add(1), string(block))
	})
	mux.HandleFunc("/submit", func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, len(webserver.BodyBytes(r))) })
	mux.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "live") })
	body := guard.Body("text/plain", func() int64 { return blockBytes })
	serve := s.Serve(guard, webserver.Lanes{"/livez": webserver.Probes, "/submit": webserver.Waits})
	t.Cleanup(start(t, s, config.Proxies.ClientAddress(body(serve(mux)))))
	return s
}

// from opens a connection from an address on loopback, that takes little before it is read, and
// sends a text.
func from(t *testing.T, s *webserver.Server, source, text string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://"))
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(2048))
	t.Cleanup(func() { _ = conn.Close() })
	_, _ = io.WriteString(conn, text) // the server may have closed it
	return conn
}

// honest asks for a path from 127.0.0.1, and requires that it is answered.
func honest(t *testing.T, s *webserver.Server, path string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	answer, err := client.Get(s.URL() + path)
	require.NoError(t, err, path)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err, path)
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s: %.200s", path, body)
	return string(body)
}

// heap returns the bytes in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func asks(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }

func TestSlowReadersOfOneAnswerShareIt(t *testing.T) {
	s := serving(t, webserver.Config{MaxConnections: 1024, PieceTimeout: time.Minute})
	honest(t, s, "/block")
	before := heap()
	for range 400 {
		from(t, s, "127.0.0.6", asks("/block"))
	}
	honest(t, s, "/livez")
	require.Len(t, honest(t, s, "/block"), blockBytes)
	require.Less(t, heap()-before, int64(64<<20), "400 copies would be 1.6 GB")
}

func TestSlowReadersOfManyAnswersTakeTheStatedMemory(t *testing.T) {
	const memory = 32 << 20
	s := serving(t, webserver.Config{MaxConnections: 1024, MemoryBytes: memory, PieceTimeout: time.Minute})
	honest(t, s, "/page")
	before := heap()
	for i := range 240 {
		from(t, s, fmt.Sprintf("127.0.0.%d", 6+i%12), asks("/page"))
	}
	honest(t, s, "/livez")
	require.Eventually(t, func() bool { // after a second: it is as large as the others
		answer, err := http.Get(s.URL() + "/page")
		if err != nil {
			return false
		}
		defer func() { _ = answer.Body.Close() }()
		body, err := io.ReadAll(answer.Body)
		return err == nil && answer.StatusCode == http.StatusOK && len(body) > blockBytes
	}, time.Minute, 100*time.Millisecond)
	require.Less(t, heap()-before, int64(3*memory), "240 copies would be 1 GB")
}

func TestSlowBodiesTakeTheStatedMemory(t *testing.T) {
	const memory = 16 << 20
	s := serving(t, webserver.Config{MaxConnections: 1024, MemoryBytes: memory, PieceTimeout: time.Minute, ReadTimeout: time.Minute})
	before := heap()
	post := fmt.Sprintf("POST /submit HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", blockBytes)
	body := strings.Repeat("a", blockBytes-1)
	for i := range 60 {
		conn := from(t, s, fmt.Sprintf("127.0.0.%d", 6+i%12), post)
		require.NoError(t, conn.SetWriteDeadline(time.Now().Add(time.Second)))
		_, _ = io.WriteString(conn, body)
	}
	honest(t, s, "/livez")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	answer, err := client.Post(s.URL()+"/submit", "text/plain", strings.NewReader("b"+body[:1<<20]))
	require.NoError(t, err)
	got, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, fmt.Sprint(1<<20+1), string(got), "an address that has less gets memory")
	require.Less(t, heap()-before, int64(memory+8<<20), "60 bodies would be 240 MB")
}

// watched is a listener that reports the connections that the server has closed.
type watched struct {
	net.Listener
	closed chan string // address of the peer
}

type watchedConn struct {
	net.Conn
	once   sync.Once
	closed chan string
}

func (w watched) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &watchedConn{Conn: conn, closed: w.closed}, nil
}

func (w *watchedConn) Close() error {
	w.once.Do(func() { w.closed <- w.RemoteAddr().String() })
	return w.Conn.Close()
}

func TestWhoReadsOrSendsTooSlowlyIsCutOff(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := make(chan string, 100)
	s := serving(t, webserver.Config{Listener: watched{listener, closed}, PieceTimeout: 200 * time.Millisecond})
	reader := from(t, s, "127.0.0.6", asks("/page"))
	sender := from(t, s, "127.0.0.6", "POST /submit HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat("a", 900_000))
	require.NoError(t, sender.SetReadDeadline(time.Now().Add(time.Minute)))
	answer, _ := io.ReadAll(sender) // reset if the server had unread data
	require.Contains(t, string(answer), "408")
	var cut []string
	for range 2 {
		select {
		case conn := <-closed:
			cut = append(cut, conn)
		case <-time.After(20 * time.Second):
			require.Fail(t, "a connection stays open", "closed: %v", cut)
		}
	}
	require.ElementsMatch(t, []string{reader.LocalAddr().String(), sender.LocalAddr().String()}, cut)
}

func TestProbesAreAnsweredWhileStrangersTakeAllConnections(t *testing.T) {
	for name, text := range map[string]string{
		"silent": "", "half a request": "GET /li", "idle": asks("/livez"), "slow readers": asks("/page"),
		"slow bodies": "POST /submit HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("a", 70_000),
	} {
		t.Run(name, func(t *testing.T) {
			s := serving(t, webserver.Config{MaxConnections: 32, MemoryBytes: 64 << 20, PieceTimeout: time.Minute})
			for i := range 100 { // also from the probe's address
				from(t, s, fmt.Sprintf("127.0.0.%d", 1+i%5), text)
			}
			honest(t, s, "/livez")
		})
	}
}

// lingering is a listener whose connections take until it is released to close.
type lingering struct {
	net.Listener
	released chan struct{}
}

type lingeringConn struct {
	net.Conn
	released chan struct{}
}

func (l lingering) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lingeringConn{conn, l.released}, nil
}

func (l *lingeringConn) Close() error {
	<-l.released
	return l.Conn.Close()
}

// Closing a connection waits until those that use it have run again, which on a busy machine takes
// a while. Nobody waits for that before the next connection is accepted.
func TestNobodyWaitsForAConnectionToClose(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	released := make(chan struct{})
	s := serving(t, webserver.Config{Listener: lingering{listener, released}, MaxConnections: 4, MemoryBytes: 16 << 20, PieceTimeout: time.Minute})
	t.Cleanup(func() { close(released) })
	for range 8 {
		from(t, s, "127.0.0.6", "GET /li")
	}
	honest(t, s, "/livez")
	for _, source := range []string{"127.0.0.6", "127.0.0.7"} { // four answers of 4 MiB do not fit
		for range 3 {
			from(t, s, source, asks("/page"))
		}
	}
	honest(t, s, "/livez")
}

func TestConnectionsOfAProxyDoNotCountForItsAddress(t *testing.T) {
	proxies, err := webserver.ParseProxies([]string{"127.0.0.6"})
	require.NoError(t, err)
	s := serving(t, webserver.Config{MaxConnections: 10, Proxies: proxies})
	var open []net.Conn
	for range 8 {
		conn := from(t, s, "127.0.0.6", asks("/livez"))
		_, err := io.ReadFull(conn, make([]byte, 12))
		require.NoError(t, err)
		open = append(open, conn)
	}
	for _, conn := range open {
		_, err := io.WriteString(conn, asks("/livez"))
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		_, err = io.ReadFull(conn, make([]byte, 150))
		require.NoError(t, err, "none was closed in favour of another")
	}
}
