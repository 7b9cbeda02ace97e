package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/freeport"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// TestSubscriberResumesAtItsCursor restarts the server while blocks are certified.
func TestSubscriberResumesAtItsCursor(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cluster := apitest.Start(t, 2, mempool.Limits{})
	of := cluster.API(0)
	address, err := freeport.Address()
	require.NoError(t, err)
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	config := server.Config{Listener: listener}
	begin := func() (stop func()) {
		s, err := server.New(of, config)
		require.NoError(t, err)
		running, halt := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(running) }()
		config = server.Config{Listen: listener.Addr().String()}
		return func() {
			halt()
			require.NoError(t, <-done)
		}
	}
	stop := begin()
	c := connect(t, "http://"+listener.Addr().String(), client.Options{})

	var payloads []string
	sent := 0
	send := func() {
		cluster.Broadcast(ctx, of, cluster.Message(cluster.Members[0], "l", fmt.Sprint(sent)))
		sent++
	}
	send()
	for entry, err := range c.Subscribe(ctx, api.Subscription{Own: true}) {
		require.NoError(t, err)
		for _, m := range entry.Block.Messages {
			payloads = append(payloads, string(m.Payload))
		}
		switch len(payloads) {
		case 1, 3: // stopped while blocks are made, then started again
			stop()
			send()
			send()
			stop = begin()
		case 5:
			cancel()
		}
		if len(payloads) == 5 {
			break
		}
	}
	stop()
	require.Equal(t, []string{"0", "1", "2", "3", "4"}, payloads)
}

func TestNodeThatCannotBeReachedIsAnError(t *testing.T) {
	address, err := freeport.Address()
	require.NoError(t, err)
	c := connect(t, "http://"+address, client.Options{})
	_, err = c.Health(t.Context())
	require.ErrorIs(t, err, api.Unavailable)
	for _, err := range c.Subscribe(t.Context(), api.Subscription{}) {
		require.ErrorIs(t, err, api.Unavailable)
	}
	for _, bad := range []string{"", "127.0.0.1:1", "ftp://x", "http://", "http://x y"} {
		_, err := client.New(bad, client.Options{})
		require.Error(t, err, bad)
	}
}

// answering is a transport with one response to every request.
type answering struct {
	status      int
	contentType string
	body        string
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.status == 0 {
		return nil, errors.New("no answer")
	}
	return &http.Response{
		StatusCode: a.status, Status: fmt.Sprint(a.status), Header: http.Header{"Content-Type": {a.contentType}},
		Body: io.NopCloser(strings.NewReader(a.body)), Request: r,
	}, nil
}

func TestResponsesOfOtherServersAreProblems(t *testing.T) {
	for name, other := range map[string]struct {
		answer answering
		kind   api.Kind
	}{
		"proxy":        {answering{502, "text/html", "<h1>Bad gateway</h1>"}, api.Unavailable},
		"odd problem":  {answering{400, api.ProblemType, "{"}, api.Unavailable},
		"no JSON":      {answering{200, "application/json", "<h1>"}, api.Unverified},
		"wrong fields": {answering{200, "application/json", `{"ready":"yes"}`}, api.Unverified},
		"nothing":      {answering{}, api.Unavailable},
		"problem":      {answering{404, api.ProblemType, `{"type":"urn:ephemera:problem:not-found","status":404}`}, api.NotFound},
	} {
		c := connect(t, "http://node.example", client.Options{HTTP: other.answer})
		_, err := c.Health(t.Context())
		require.ErrorIs(t, err, other.kind, name)
	}
}
