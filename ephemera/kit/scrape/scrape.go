// Package scrape is what HTTP servers export to Prometheus about the requests that they answer, and
// how they answer a scrape.
//
// The package is unstable: it is public only because the modules of this repository share it.
package scrape

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Requests counts the requests of a chi router. It is a collector, to be registered once.
type Requests struct {
	answered *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// NewRequests returns the metrics PREFIX_http_requests_total, by method, endpoint and status, and
// PREFIX_http_request_duration_seconds, by endpoint. The label values are bounded by the routes.
func NewRequests(prefix string) *Requests {
	return &Requests{
		answered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "_http_requests_total", Help: "Requests answered, by method, endpoint and status.",
		}, []string{"method", "endpoint", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "_http_request_duration_seconds", Help: "Time until a request was answered, without subscribers.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"endpoint"}),
	}
}

// Describe implements prometheus.Collector.
func (r *Requests) Describe(out chan<- *prometheus.Desc) {
	r.answered.Describe(out)
	r.seconds.Describe(out)
}

// Collect implements prometheus.Collector.
func (r *Requests) Collect(out chan<- prometheus.Metric) {
	r.answered.Collect(out)
	r.seconds.Collect(out)
}

// Observe is the middleware that counts. It must come before the router finds the route.
func (r *Requests) Observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		start := time.Now()
		wrapped := middleware.NewWrapResponseWriter(w, request.ProtoMajor)
		next.ServeHTTP(wrapped, request)
		endpoint := chi.RouteContext(request.Context()).RoutePattern()
		if endpoint == "" || endpoint == "/*" {
			endpoint = "none"
		}
		status := wrapped.Status()
		if status == 0 {
			status = http.StatusSwitchingProtocols // the connection was hijacked
		}
		r.answered.WithLabelValues(methodLabel(request.Method), endpoint, strconv.Itoa(status)).Inc()
		if status != http.StatusSwitchingProtocols {
			r.seconds.WithLabelValues(endpoint).Observe(time.Since(start).Seconds())
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

// Handler answers scrapes of a registry. It does not bound how many are answered at a time.
func Handler(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{Timeout: 10 * time.Second})
}
