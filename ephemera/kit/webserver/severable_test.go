package webserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// piped is a listener in memory, so that a server can run in virtual time.
type piped struct {
	dialled chan net.Conn
	closed  chan struct{}
}

type pipedConn struct {
	net.Conn
	from net.IP
}

func (c pipedConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: c.from, Port: 1} }

func (l piped) Accept() (net.Conn, error) {
	select {
	case conn := <-l.dialled:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l piped) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (piped) Addr() net.Addr { return &net.TCPAddr{} }

// dial opens a connection from an address, and sends texts one after the other.
func (l piped) dial(t *testing.T, source string, texts ...string) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	l.dialled <- &pipedConn{theirs, net.ParseIP(source)}
	t.Cleanup(func() { _ = ours.Close() })
	go func() {
		for _, text := range texts {
			_, _ = io.WriteString(ours, text) // it waits until the server has read all
		}
	}()
	return ours
}

// working runs a server in memory, with handlers at /page that work until release is called,
// whatever happens to their connection, and a probe at /livez. The server must be stopped.
func working(t *testing.T, worked chan<- string) (l piped, release, stop func()) {
	t.Helper()
	l = piped{make(chan net.Conn), make(chan struct{})}
	s := bind(t, webserver.Config{Listener: l, MaxConnections: 16})
	released := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/page", func(_ http.ResponseWriter, r *http.Request) {
		worked <- webserver.Caller(r)
		<-released
	})
	mux.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "live") })
	serve := s.Serve(refusing(io.Discard), webserver.Lanes{"/livez": webserver.Probes})
	return l, func() { close(released) }, start(t, s, webserver.Proxies{}.ClientAddress(serve(mux)))
}

// Strangers whose requests wait for a place, and who have sent the next one so that net/http does
// not see that their connection ends, are replaced by others. An honest caller who comes after them
// is answered at once, although two handlers work all the while.
func TestNobodyWaitsForTheRequestsOfConnectionsThatWereClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		worked := make(chan string, 1000)
		l, release, stop := working(t, worked)
		defer stop()
		defer release()
		begin := time.Now()
		for i := range 200 {
			l.dial(t, fmt.Sprintf("127.0.0.%d", 2+i%3), asks("/page"), asks("/page"))
			synctest.Wait()
		}
		conn := l.dial(t, "127.0.0.1", asks("/livez"))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Zero(t, time.Since(begin))
	})
}

// A request whose connection was closed while it waited for a place gets none.
func TestRequestsEndWithTheirConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		worked := make(chan string, 1000)
		l, release, stop := working(t, worked)
		defer stop()
		for i := range 2 { // both places are taken
			l.dial(t, fmt.Sprintf("127.0.0.%d", 2+i), asks("/page"))
			synctest.Wait()
		}
		for range 50 {
			l.dial(t, "127.0.0.4", asks("/page"), asks("/page"))
			synctest.Wait()
		}
		require.Len(t, worked, 2)
		release()
		synctest.Wait()
		require.LessOrEqual(t, len(worked), 2+2*7, "one address has seven connections, each with two requests")
	})
}

// Requests that are being worked on are finished, but not at the cost of an address that has fewer.
func TestOneThatIsWorkedOnMakesRoomForAnAddressWithFewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := piped{make(chan net.Conn), make(chan struct{})}
		s := bind(t, webserver.Config{Listener: l, MaxConnections: 8, CancelRequests: true})
		accepted, cancelled := make(chan string, 100), make(chan string, 100)
		defer start(t, s, s.Answering(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			accepted <- webserver.Caller(r)
			<-r.Context().Done()
			cancelled <- r.URL.Path
		})))()
		for _, source := range []string{"127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.0.4", "127.0.0.4"} {
			l.dial(t, source, asks(fmt.Sprint("/", len(accepted))), asks("/next"))
			synctest.Wait()
		}
		require.Len(t, accepted, 7)
		l.dial(t, "127.0.0.5", asks("/8"))
		synctest.Wait()
		require.Len(t, accepted, 8)
		require.Len(t, cancelled, 1)
		require.Equal(t, "/0", <-cancelled, "the oldest of the address with the most")
		refused := l.dial(t, "127.0.0.5", asks("/9"))
		require.NoError(t, refused.SetReadDeadline(time.Now().Add(time.Second)))
		_, err := refused.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.Len(t, accepted, 8)
		require.Empty(t, cancelled, "no address has more than this one would have")
	})
}

// An address with few connections is not the one that makes room because its requests have not
// come yet while those of others are worked on.
func TestAnAddressWithFewMakesNoRoomForOneWithMuchWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := piped{make(chan net.Conn), make(chan struct{})}
		s := bind(t, webserver.Config{Listener: l, MaxConnections: 9, CancelRequests: true})
		defer start(t, s, s.Answering(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })))()
		for i := range 7 {
			l.dial(t, fmt.Sprintf("127.0.0.%d", 2+i/4), asks("/"))
		}
		honest := l.dial(t, "127.0.0.1", "GET /")
		synctest.Wait()
		l.dial(t, "127.0.0.4", asks("/"))
		require.NoError(t, honest.SetReadDeadline(time.Now().Add(time.Second)))
		_, err := honest.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}

// If all addresses have as many, a caller has as much time to send its request as others take to
// fill all places.
func TestOfAddressesWithAsManyTheOneThatHasWaitedTheLongestMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := piped{make(chan net.Conn), make(chan struct{})}
		s := bind(t, webserver.Config{Listener: l, MaxConnections: 7})
		defer start(t, s, http.NotFoundHandler())()
		closed := make(chan int, 100)
		for i := range 20 {
			conn := l.dial(t, fmt.Sprintf("127.0.0.%d", i), "GET /")
			go func() {
				_, _ = conn.Read(make([]byte, 1))
				closed <- i
			}()
			synctest.Wait()
		}
		for i := range 13 {
			require.Equal(t, i, <-closed)
		}
		require.Empty(t, closed)
	})
}
