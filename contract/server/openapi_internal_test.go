package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// pages are for people and for Prometheus, and not part of the API.
var pages = []string{"/", "/style.css", contract.PathDocs, contract.PathOpenAPI, contract.PathMetrics, epochPages + "{id}"}

// TestEveryRouteIsDescribed compares the routes with the OpenAPI document, both ways.
func TestEveryRouteIsDescribed(t *testing.T) {
	estimator, err := metrics.ParseEstimator("median")
	require.NoError(t, err)
	s, err := New(Config{
		Database: t.TempDir() + "/contract.db", Members: contracttest.Peers(4), EpochDuration: 1e9, Mixnodes: contracttest.Mixnodes(2), Estimator: estimator,
	})
	require.NoError(t, err)
	defer s.Close()
	document := describe(s.endpoints(), "v9")
	require.Equal(t, "v9", document.Info.Version)
	described := map[string]bool{}
	for path, item := range document.Paths {
		if item.Get != nil {
			described[http.MethodGet+" "+path] = true
		}
		if item.Post != nil {
			described[http.MethodPost+" "+path] = true
		}
	}
	err = chi.Walk(s.routes(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		for _, page := range pages {
			if route == page || strings.HasPrefix(route, contract.PathDocs+"/") {
				return nil
			}
		}
		require.True(t, described[method+" "+route], "%s %s is not described", method, route)
		delete(described, method+" "+route)
		return nil
	})
	require.NoError(t, err)
	require.Empty(t, described, "described but not served")
}
