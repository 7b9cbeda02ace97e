package compare

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheMeterCountsBodiesThatAreSent(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = w.Write(body) // a client that disconnects fails its own test
	}))
	defer server.Close()
	m := newMeter()
	defer m.CloseIdleConnections()
	client := &http.Client{Transport: m}
	for _, body := range []string{strings.Repeat("x", 1000), ""} {
		response, err := client.Post(server.URL, "text/plain", strings.NewReader(body))
		require.NoError(t, err)
		echoed, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, body, string(echoed))
	}
	require.EqualValues(t, 1000, m.sent.Load())
}

func TestATaskReturnsItsError(t *testing.T) {
	good := start(t.Context(), "good", func(ctx context.Context) error { <-ctx.Done(); return nil })
	require.NoError(t, good.stop())
	bad := start(t.Context(), "bad", func(context.Context) error { return errors.New("disk is full") })
	<-bad.done
	require.EqualError(t, bad.failure(), "bad: disk is full")
	require.EqualError(t, bad.stop(), "bad: disk is full")

	s := &modeRun{members: []*member{{task: start(t.Context(), "nymapi-1", func(ctx context.Context) error { <-ctx.Done(); return nil })}}}
	require.NoError(t, s.failure())
	s.members = append(s.members, &member{task: bad})
	require.ErrorContains(t, s.failure(), "bad stopped by itself")
	require.ErrorContains(t, s.stopMembers(), "disk is full")
}
