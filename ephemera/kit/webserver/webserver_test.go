package webserver_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a server. The returned function stops it and waits for its end.
func start(t *testing.T, s *webserver.Server, handler http.Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, handler) }()
	t.Cleanup(cancel)
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

func bind(t *testing.T, config webserver.Config) *webserver.Server {
	t.Helper()
	s, err := webserver.New(config)
	require.NoError(t, err)
	return s
}

// dial opens a connection and sends a text.
func dial(t *testing.T, s *webserver.Server, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = conn.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	return conn
}

const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

func TestURLNamesAnAddressThatCanBeDialled(t *testing.T) {
	for listen, want := range map[string]string{
		"": `^http://127\.0\.0\.1:\d+$`, "0.0.0.0:0": `^http://127\.0\.0\.1:\d+$`, "127.0.0.1:0": `^http://127\.0\.0\.1:\d+$`,
	} {
		s := bind(t, webserver.Config{Listen: listen})
		require.Regexp(t, want, s.URL())
		_, err := webserver.New(webserver.Config{Listen: strings.TrimPrefix(s.URL(), "http://")})
		require.ErrorContains(t, err, "choose another address")
		require.NoError(t, s.Close())
	}
}

// Neither can end within the time for requests under way: half a request never becomes complete,
// and net/http waits 5 s for a connection that has sent nothing.
func TestServerThatStopsDoesNotWaitForSilentConnections(t *testing.T) {
	var log bytes.Buffer
	s := bind(t, webserver.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	stop := start(t, s, http.NotFoundHandler())
	silent, half := dial(t, s, ""), dial(t, s, "GET / HTTP/1.1\r\n")
	answered := dial(t, s, get) // so that the others are accepted
	_, err := http.ReadResponse(bufio.NewReader(answered), nil)
	require.NoError(t, err)
	stop()
	require.NotContains(t, log.String(), "requests cut off")
	for _, conn := range []net.Conn{silent, half} {
		_, err := conn.Read(make([]byte, 1))
		require.Error(t, err)
	}
}

func TestRequestUnderWayIsFinishedOrCancelled(t *testing.T) {
	for want, cancels := range map[string]bool{"<nil>": false, context.Canceled.Error(): true} {
		t.Run(fmt.Sprintf("cancelled %t", cancels), func(t *testing.T) {
			s := bind(t, webserver.Config{CancelRequests: cancels})
			begun, stopping := make(chan struct{}), make(chan struct{})
			handler := s.Answering(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(begun)
				<-stopping
				_, _ = fmt.Fprint(w, r.Context().Err())
			}))
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx, handler) }()
			conn := dial(t, s, get)
			<-begun
			cancel()
			close(stopping)
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			body, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.Equal(t, want, string(body))
			require.NoError(t, <-done)
		})
	}
}

func TestServingThatFailsIsAnError(t *testing.T) {
	s := bind(t, webserver.Config{})
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Run(t.Context(), http.NotFoundHandler()), net.ErrClosed)
}

// One address has half of the connections.
func TestOneAboveTheBoundClosesTheConnectionWithoutARequestForTheLongest(t *testing.T) {
	s := bind(t, webserver.Config{MaxConnections: 4, ReadHeaderTimeout: time.Hour})
	accepted, answer := make(chan struct{}), make(chan struct{})
	stop := start(t, s, s.Answering(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		accepted <- struct{}{}
		<-answer
	})))
	defer stop()
	defer close(answer)
	busy := dial(t, s, get)
	<-accepted
	silent := dial(t, s, "")
	dial(t, s, get)
	select {
	case <-accepted:
	case <-time.After(10 * time.Second):
		require.Fail(t, "the third connection is not served")
	}
	_, err := silent.Read(make([]byte, 1))
	require.Error(t, err, "closed in favour of the third")
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	answer <- struct{}{}
	answer <- struct{}{}
	_, err = http.ReadResponse(bufio.NewReader(busy), nil)
	require.NoError(t, err, "the first is being answered, and stays")
}
