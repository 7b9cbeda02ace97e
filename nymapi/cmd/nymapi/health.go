package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// defaultHealth is where a Nym-API in a container answers for its health check.
const defaultHealth = "127.0.0.1:3001"

// serveHealth answers /livez with 200, and /readyz with 200 once the Nym-API takes part and 503
// before. Both respond with the status.
func serveHealth(ctx context.Context, address string, current func() service.Status) error {
	const patience = 5 * time.Second
	server, err := webserver.New(webserver.Config{
		Listen: address, ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: patience, MaxHeaderBytes: 4 << 10, MaxConnections: service.HealthConnections,
	})
	if err != nil {
		return fmt.Errorf("--health-listen: %w", err)
	}
	answer := func(well func(service.Status) bool) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			status, code := current(), http.StatusOK
			if !well(status) {
				code = http.StatusServiceUnavailable
			}
			_ = webserver.WriteJSON(w, code, status) // a status can be encoded
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", answer(func(service.Status) bool { return true }))
	mux.HandleFunc("GET /readyz", answer(func(s service.Status) bool { return s.Ready }))
	return server.Run(ctx, server.Answering(mux))
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
