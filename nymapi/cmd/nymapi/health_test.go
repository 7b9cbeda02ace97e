package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// A request that is in progress when the Nym-API stops is finished.
func TestHealthFinishesRequestsInProgress(t *testing.T) {
	address := freePort(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	begun, resume, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	server, err := listenHealth(address)
	require.NoError(t, err)
	go func() {
		done <- server.Run(ctx, server.Answering(healthAnswers(func() service.Status {
			close(begun)
			<-resume
			return service.Status{Ready: true}
		}, new(service.Service).Figures(), http.NotFoundHandler())))
	}()
	quiet, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer quiet.Close()
	body := make(chan error, 1)
	go func() {
		response, err := http.Get("http://" + address + "/readyz")
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
		body <- err
	}()
	<-begun
	stop()
	_, err = quiet.Read(make([]byte, 1)) // the server closes the connections without a request
	require.Error(t, err)
	close(resume)
	require.NoError(t, <-body)
	require.NoError(t, <-done)
}
