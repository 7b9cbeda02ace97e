package server

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// figures are the server's own metrics.
type figures struct {
	requests    *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	subscribers prometheus.Gauge
	lagged      prometheus.Counter
}

// newFigures registers the metrics, unless registry is nil.
func newFigures(registry *prometheus.Registry) (*figures, error) {
	f := &figures{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ephemera_http_requests_total", Help: "Requests answered, by method, endpoint and status.",
		}, []string{"method", "endpoint", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ephemera_http_request_duration_seconds", Help: "Time until a request was answered, without subscribers.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"endpoint"}),
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
	for _, c := range []prometheus.Collector{f.requests, f.seconds, f.subscribers, f.lagged} {
		errs = append(errs, registry.Register(c))
	}
	return f, errors.Join(errs...)
}

// observe counts requests by endpoint. The number of endpoints is fixed.
func (f *figures) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		wrapped := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(wrapped, r)
		endpoint := chi.RouteContext(r.Context()).RoutePattern()
		if endpoint == "" || endpoint == "/*" {
			endpoint = "none"
		}
		status := wrapped.Status()
		if status == 0 {
			status = http.StatusSwitchingProtocols // the connection was hijacked
		}
		f.requests.WithLabelValues(methodLabel(r.Method), endpoint, strconv.Itoa(status)).Inc()
		if status != http.StatusSwitchingProtocols {
			f.seconds.WithLabelValues(endpoint).Observe(time.Since(start).Seconds())
		}
	})
}

// methodLabel bounds the label values that callers can cause.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		return method
	}
	return "other"
}

// telemetry serves a registry. How many requests are served at a time is up to the lane of probes.
func telemetry(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{Timeout: 10 * time.Second})
}
