package server

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/scrape"
)

// figures are the server's own metrics.
type figures struct {
	requests    *scrape.Requests
	subscribers prometheus.Gauge
	lagged      prometheus.Counter
}

// newFigures registers the metrics, unless registry is nil.
func newFigures(registry *prometheus.Registry) (*figures, error) {
	f := &figures{
		requests: scrape.NewRequests("ephemera"),
		subscribers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "ephemera_http_subscribers", Help: "WebSocket subscribers that are connected.",
		}),
		lagged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ephemera_http_subscribers_lagged_total", Help: "WebSocket subscribers that were disconnected because they read too slowly or had gone.",
		}),
	}
	if registry == nil {
		return f, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{f.requests, f.subscribers, f.lagged} {
		errs = append(errs, registry.Register(c))
	}
	return f, errors.Join(errs...)
}
