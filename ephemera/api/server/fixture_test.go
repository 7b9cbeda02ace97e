package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run runs a server until the test ends.
func run(t *testing.T, s *server.Server, err error) *server.Server {
	t.Helper()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return s
}

// serve serves an API until the test ends.
func serve(t *testing.T, of api.API, config server.Config) *server.Server {
	t.Helper()
	s, err := server.New(of, config)
	return run(t, s, err)
}

// reply is an answer as it came.
type reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// problem returns the problem document that the answer must be.
func (r reply) problem(t *testing.T, kind api.Kind) api.Problem {
	t.Helper()
	var p api.Problem
	require.NoError(t, json.Unmarshal(r.Body, &p), "%d %s", r.Status, r.Body)
	require.Equal(t, kind, p.Kind(), "%s", r.Body)
	require.Equal(t, kind.Status(), r.Status)
	require.Equal(t, r.Status, p.Status)
	require.Equal(t, api.ProblemType, r.Header.Get("Content-Type"))
	require.Equal(t, r.Header.Get("X-Request-Id"), p.RequestID)
	require.NotEmpty(t, p.Detail)
	return p
}

func do(t *testing.T, request *http.Request) reply {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return reply{answer.StatusCode, answer.Header, body}
}

func request(t *testing.T, method, url, body string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.NewEncoder(&out).Encode(value))
	return out.String()
}
