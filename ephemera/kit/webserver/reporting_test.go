package webserver

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// exhausted is a listener for whose first connections no descriptor is left.
type exhausted struct {
	net.Listener
	failures int
}

func (e *exhausted) Accept() (net.Conn, error) {
	if e.failures--; e.failures >= 0 {
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return e.Listener.Accept()
}

// The server logs once that it cannot accept connections, and accepts them as soon as it can.
func TestServerHealsWhenDescriptorsAreFreeAgain(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var log bytes.Buffer
	s, err := New(Config{Listener: &exhausted{listener, 5}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		ended <- s.Run(t.Context(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	}()
	answer, err := http.Get(s.URL())
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusNoContent, answer.StatusCode)
	require.NoError(t, s.Close())
	require.Error(t, <-ended, "the listener was closed")
	require.Equal(t, 1, strings.Count(log.String(), "no connection can be accepted for now"), log.String())
	require.Contains(t, log.String(), "ulimit -n")
}
