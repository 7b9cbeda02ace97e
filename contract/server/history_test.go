package server_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Under wmedian a reporter that lies loses weight from epoch to epoch, as everybody can recompute
// from the descriptions alone, and a contract that is restarted continues with the same history.
func TestReporterThatLiesLosesWeight(t *testing.T) {
	cfg := configure(t, 5, 3)
	cfg.Estimator = metrics.WeightedByHistory()
	w := start(t, cfg)
	liar := contracttest.Key(5).Public()
	verifier := check.New(check.Config{Consecutive: true, First: 1})
	var last contract.Description
	for epoch := contract.Epoch(1); epoch <= 6; epoch++ {
		if epoch == 4 {
			w = w.restart()
		}
		d := w.description(epoch)
		w.clock.set(end(int(epoch)))
		messages := contracttest.Messages(d, 1, 2, 3, 4)
		lie := contracttest.Report(d, 5)
		for i := range lie.Values {
			lie.Values[i] = 0
		}
		messages = append(messages, contracttest.Message(d, 5, lie))
		w.win(d, messages)
		w.verify(verifier, epoch)
		last = d
	}
	require.Equal(t, contract.DescriptionVersion, int(last.Version))
	require.GreaterOrEqual(t, last.State.Settled, contract.Epoch(4))
	require.Len(t, last.State.History, 5)
	for _, deviation := range last.State.History {
		if deviation.Reporter == liar {
			require.Greater(t, deviation.Squared, int64(1_000_000), "more than 10 points")
		} else {
			require.Less(t, deviation.Squared, int64(10_000), "within a point")
		}
	}
}
