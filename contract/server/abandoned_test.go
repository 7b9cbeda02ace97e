package server

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/api"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func TestWhoeverGoesAwayIsNoFaultOfTheContract(t *testing.T) {
	median, err := metrics.ParseEstimator("median")
	require.NoError(t, err)
	var log bytes.Buffer
	s, err := New(Config{
		Database: filepath.Join(t.TempDir(), "contract.db"), Members: contracttest.Peers(1), EpochDuration: time.Second,
		Mixnodes: contracttest.Mixnodes(1), Estimator: median, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	answer := httptest.NewRecorder()
	s.routes().ServeHTTP(answer, httptest.NewRequestWithContext(gone, http.MethodGet, api.EpochPath(1), nil))
	require.Empty(t, answer.Body.String())
	require.NotContains(t, log.String(), "level=ERROR")

	answer = httptest.NewRecorder()
	s.routes().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, api.EpochPath(1), nil))
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
}
