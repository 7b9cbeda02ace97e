package scrape

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// TestCallersCannotMakeLabels requests addresses and methods that do not exist.
func TestCallersCannotMakeLabels(t *testing.T) {
	requests, registry := NewRequests("test"), prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(requests))
	router := chi.NewRouter()
	router.Use(requests.Observe)
	router.Get("/things/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	router.Handle("/metrics", Handler(registry))
	for _, r := range []struct{ method, path string }{
		{"GET", "/things/1"}, {"GET", "/things/2"}, {"GET", "/nothing/1"}, {"GET", "/nothing/2"}, {"BREW", "/things/1"}, {"STIR", "/things/1"},
	} {
		router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(r.method, r.path, nil))
	}
	answer := httptest.NewRecorder()
	router.ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	for _, want := range []string{
		`test_http_requests_total{endpoint="/things/{id}",method="GET",status="418"} 2`,
		`test_http_requests_total{endpoint="none",method="GET",status="404"} 2`,
		`test_http_requests_total{endpoint="none",method="other",status="405"} 2`,
		`test_http_request_duration_seconds_count{endpoint="none"} 4`,
	} {
		require.Contains(t, string(text), want)
	}
}
