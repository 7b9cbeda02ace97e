package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// defaultHealth is where a Nym-API in a container answers for its health check.
const defaultHealth = "127.0.0.1:3001"

// serveHealth answers /livez with 200, and /readyz with 200 once the Nym-API takes part and 503
// before. Both tell its status.
func serveHealth(ctx context.Context, address string, nymapi *service.Service) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("--health-listen: %w; choose another address", err)
	}
	answer := func(alive func(service.Status) bool) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			status := nymapi.Status()
			w.Header().Set("Content-Type", "application/json")
			if !alive(status) {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			_ = json.NewEncoder(w).Encode(status) // a client that went away
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", answer(func(service.Status) bool { return true }))
	mux.HandleFunc("GET /readyz", answer(func(s service.Status) bool { return s.Ready }))
	const patience = 5 * time.Second
	server := &http.Server{Handler: mux, ReadHeaderTimeout: patience, WriteTimeout: patience, IdleTimeout: patience, MaxHeaderBytes: 4 << 10}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func newHealth() *cobra.Command {
	var address string
	var ready bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Check the health of a Nym-API on this machine: exit status 0 if it is healthy",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return askHealth(cmd.Context(), address, ready, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&address, "health-listen", defaultHealth, "the value of the Nym-API's --health-listen")
	cmd.Flags().BoolVar(&ready, "ready", false, "check that it takes part, not only that it runs")
	return cmd
}

func askHealth(ctx context.Context, address string, ready bool, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	path := "/livez"
	if ready {
		path = "/readyz"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return command.Usage("--health-listen %q, expected an address such as %s", address, defaultHealth)
	}
	answer, err := new(http.Client).Do(request)
	if err != nil {
		return fmt.Errorf("no Nym-API responds: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the Nym-API is not ready: %s", text)
	}
	_, err = out.Write(text)
	return err
}
