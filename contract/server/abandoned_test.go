package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func TestCallerThatLeavesIsNoErrorOfTheContract(t *testing.T) {
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
	s.routes().ServeHTTP(answer, httptest.NewRequestWithContext(gone, http.MethodGet, "http://localhost"+contract.EpochPath(1), nil))
	require.Empty(t, answer.Body.String())
	require.NotContains(t, log.String(), "level=ERROR")

	answer = httptest.NewRecorder()
	s.routes().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+contract.EpochPath(1), nil))
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
}

// cancelling is a log handler that cancels a context when a message is logged.
type cancelling struct {
	slog.Handler
	at     string
	cancel context.CancelFunc
}

func (c cancelling) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == c.at {
		c.cancel()
	}
	return c.Handler.Handle(ctx, r)
}

func (c cancelling) WithAttrs([]slog.Attr) slog.Handler { return c }

// The last Nym-API that enrols may be killed before it gets an answer. The group is still closed
// and the first epoch scheduled, because no other enrolment follows.
func TestGroupIsClosedAlthoughTheLastMemberDisconnects(t *testing.T) {
	median, err := metrics.ParseEstimator("median")
	require.NoError(t, err)
	for _, at := range []string{"member enrolled", "group closed"} {
		t.Run(at, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s, err := New(Config{
				Database: filepath.Join(t.TempDir(), "contract.db"), Expected: 1, Token: "t", EpochDuration: time.Second,
				Mixnodes: contracttest.Mixnodes(1), Estimator: median, Logger: slog.New(cancelling{slog.NewTextHandler(io.Discard, nil), at, cancel}),
			})
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			enrolment := contract.Enrolment{Name: "a", Counter: 1}.Sign(contracttest.Key(1), s.keeper.cfg.Network, s.keeper.key.Public())
			answer, err := s.keeper.enrol(ctx, contract.EnrolRequest{Enrolment: enrolment, Token: "t"})
			require.NoError(t, err)
			require.Error(t, ctx.Err(), "the caller is gone")
			require.True(t, answer.Complete)
			current, err := s.keeper.current(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 1, current.ID)
		})
	}
}
