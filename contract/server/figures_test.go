package server_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
)

// scrape returns the contract's metrics.
func (w *world) scrape() string {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.URL()+contract.PathMetrics, nil)
	require.NoError(w.t, err)
	answer := w.do(request)
	require.Equal(w.t, http.StatusOK, answer.StatusCode)
	text, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	return string(text)
}

func TestAScrapeTellsWhatBecameOfEpochsAndSubmissions(t *testing.T) {
	w := start(t, configure(t, 4, 5))
	ctx, d := context.Background(), w.description(1)
	require.Contains(t, w.scrape(), "contract_members_expected 4\n")
	require.NotContains(t, w.scrape(), "contract_submitted_spread_points", "no epoch is rewarded yet")

	_, err := w.Submit(ctx, contracttest.Submission(d, 2))
	require.ErrorIs(t, err, contract.NotOver)
	w.clock.set(end(1) + 200)
	_, err = w.Submit(ctx, contracttest.Submission(d, 2))
	require.NoError(t, err)
	_, err = w.Submit(ctx, contracttest.Submission(d, 3))
	require.ErrorIs(t, err, contract.Decided)
	w.clock.set(end(9)) // epoch 2 is missed, and the windows after it have no epoch
	_, err = w.Epoch(ctx)
	require.NoError(t, err)

	text := w.scrape()
	for _, want := range []string{
		`contract_submissions_total{verdict="accepted"} 1`,
		`contract_submissions_total{verdict="already-decided"} 1`,
		`contract_submissions_total{verdict="epoch-not-over"} 1`,
		`contract_epochs_total{outcome="rewarded"} 1`,
		`contract_epochs_total{outcome="missed"} 1`,
		`contract_time_to_decision_seconds_sum 0.2`,
		`contract_time_to_decision_seconds_bucket{le="0.1"} 0`,
		`contract_time_to_decision_seconds_bucket{le="0.25"} 1`,
		`contract_coverage_ratio 1`,
		`contract_members_seen 4`,
		`contract_submissions_verified 2`,
		`contract_submitted_spread_points 0`,
		`contract_group_closed 1`,
		`contract_http_requests_total{endpoint="/contract/submit_rewards",method="POST",status="409"} 1`,
		`process_open_fds `,
		`go_goroutines `,
	} {
		require.Contains(t, text, "\n"+want)
	}
}
