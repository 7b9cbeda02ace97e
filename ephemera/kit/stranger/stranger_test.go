package stranger_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/stranger"
)

// A probe counts what is not answered, and takes an answer of /readyz for one.
func TestAProbeCountsWhatIsRefused(t *testing.T) {
	asked := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/livez" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		asked <- struct{}{}
	}))
	defer server.Close()
	for path, failed := range map[string]bool{"/livez": false, "/readyz": false, "/other": true} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		ended := make(chan struct{})
		p := &stranger.Probe{}
		go func() {
			defer close(ended)
			p.Run(ctx, []string{server.URL + path})
		}()
		<-asked
		<-asked // so the first answer was recorded
		cancel()
		<-ended
		a := p.Answers()
		require.NotZero(t, a.Asked)
		require.Equal(t, failed, a.Failed > 0, path)
		require.Equal(t, failed, len(a.Excesses()) > 0, path)
	}
	require.NotEmpty(t, (&stranger.Probe{}).Answers().Excesses(), "a measurement without requests proves nothing")
}

// A connection that the server closes is made again.
func TestHoldDialsAgain(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	go func() {
		for range 4 { // the last one may not be counted
			if c, err := listener.Accept(); err == nil {
				_ = c.Close()
			}
		}
		cancel()
		_ = listener.Close()
	}()
	require.GreaterOrEqual(t, stranger.Hold(ctx, "127.0.0.1", listener.Addr().String(), 1, stranger.Silent), int64(3))
}
