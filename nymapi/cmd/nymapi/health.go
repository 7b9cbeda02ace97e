package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// defaultHealth is where a Nym-API in a container answers for its health check.
const defaultHealth = "127.0.0.1:3001"

// healthPatience bounds how long a request or an answer takes.
const healthPatience = 5 * time.Second

// listenHealth binds the address of the health server. It returns nil for no address.
func listenHealth(listen string) (*webserver.Server, error) {
	if listen == "" {
		return nil, nil
	}
	server, err := webserver.New(webserver.Config{
		Listen: listen, ReadTimeout: healthPatience, WriteTimeout: healthPatience, IdleTimeout: healthPatience, MaxHeaderBytes: 4 << 10,
		MaxConnections: service.HealthConnections(descriptors.Limit()),
	})
	if err != nil {
		return nil, fmt.Errorf("--health-listen: %w", err)
	}
	return server, nil
}

// healthAnswers answers /livez with 200, and /readyz with 200 once the Nym-API takes part and 503
// before. Both respond with the status. /metrics responds with the figures, and own answers the
// paths of service.Service.Handler.
func healthAnswers(current func() service.Status, figures prometheus.Collector, own http.Handler) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(figures)
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
	mux.Handle("GET /nymapi/", own)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Timeout: healthPatience}))
	return mux
}

func newHealth() *cobra.Command {
	var listen string
	var ready bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Check the health of a Nym-API on this machine: exit status 0 if it is healthy",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return askHealth(cmd.Context(), listen, ready, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&listen, "health-listen", defaultHealth, "the value of the Nym-API's --health-listen")
	cmd.Flags().BoolVar(&ready, "ready", false, "check that it takes part, not only that it runs")
	return cmd
}

// maxStatus bounds a status, with what many members were caught at in many epochs.
const maxStatus = 4 << 20

func askHealth(ctx context.Context, listen string, ready bool, out io.Writer) error {
	if err := address.CheckHostPort(listen); err != nil {
		return command.Usage("--health-listen: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	path := "/livez"
	if ready {
		path = "/readyz"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listen+path, nil)
	if err != nil {
		return command.Usage("--health-listen: %w", err)
	}
	answer, err := new(http.Client).Do(request)
	if err != nil {
		return fmt.Errorf("no Nym-API responds: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxStatus))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the Nym-API is not ready: %s", text)
	}
	_, err = out.Write(text)
	return err
}
