package webserver_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// A process that starts is alive, and says what it waits for. The server that follows has the same
// address, and answers also those that connected before it.
func TestAStartingProcessIsAlive(t *testing.T) {
	var waits atomic.Value
	waits.Store("waiting for the list")
	starting := refusing(io.Discard).Starting("/livez", func() string { return waits.Load().(string) })
	early, err := webserver.ListenEarly("127.0.0.1:0", starting, nil)
	require.NoError(t, err)
	s := bind(t, webserver.Config{Listener: early.Listener()})
	require.NoError(t, early.Close(), "the server has the listener")
	waiting := dial(t, s, get) // it is accepted below
	t.Cleanup(start(t, s, s.Answering(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "open") }))))
	line, err := bufio.NewReader(waiting).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "200")

	early, err = webserver.ListenEarly("127.0.0.1:0", starting, nil)
	require.NoError(t, err)
	address := early.Listener().Addr().String()
	require.NoError(t, early.Listener().Close())
	early, err = webserver.ListenEarly(address, starting, nil)
	require.NoError(t, err)
	for path, want := range map[string]int{"/livez": http.StatusOK, "/readyz": http.StatusServiceUnavailable, "/": http.StatusServiceUnavailable} {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
		answer, err := client.Get("http://" + address + path)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, want, answer.StatusCode, path)
		if want != http.StatusOK {
			require.True(t, strings.Contains(string(body), "waiting for the list"), "%s", body)
		}
	}
	require.NoError(t, early.Close())
	require.NoError(t, early.Close())
	_, err = http.Get("http://" + address + "/livez")
	require.Error(t, err, "it is closed")
}

// A caller that connects while the listener changes hands does not keep the next server from
// accepting.
func TestAListenerChangesHandsWhileCallersConnect(t *testing.T) {
	for range 20 {
		early, err := webserver.ListenEarly("127.0.0.1:0", http.NotFoundHandler(), nil)
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for range 2 {
			callers.Go(func() {
				for ctx.Err() == nil {
					if conn, err := net.Dial("tcp", early.Address()); err == nil {
						_ = conn.Close()
					}
				}
			})
		}
		listener := early.Listener()
		for range 300 {
			conn, err := listener.Accept()
			require.NoError(t, err)
			require.NoError(t, conn.Close())
		}
		stop()
		callers.Wait()
		require.NoError(t, listener.Close())
	}
}
