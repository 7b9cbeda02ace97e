package client_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve serves an API until the test ends.
func serve(t *testing.T, of api.API, config server.Config) *server.Server {
	t.Helper()
	s, err := server.New(of, config)
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

func connect(t *testing.T, address string, options client.Options) *client.Client {
	t.Helper()
	c, err := client.New(address, options)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestAPIOverHTTP(t *testing.T) {
	apitest.Run(t, func(t *testing.T, of api.API) api.API {
		return connect(t, serve(t, of, server.Config{}).URL(), client.Options{})
	})
}
