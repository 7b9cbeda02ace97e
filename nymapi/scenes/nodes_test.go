package scenes_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/compare"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// TestRealNodesPayInAnOutageWhatTheSceneComputes runs the scene outage with real nodes and
// contracts: 4 Nym-APIs, of which the first is down, alone and with Ephemera. A block then has the
// reports of the three others, so what is paid must be the same, bit for bit.
func TestRealNodesPayInAnOutageWhatTheSceneComputes(t *testing.T) {
	config := compare.Default()
	config.Nodes, config.Mixnodes, config.Epochs, config.Epoch, config.Missing = 4, 20, 2, 3*time.Second, 0
	config.OfflineAt, config.Single = []int{1}, 1
	plan, err := config.Plan()
	require.NoError(t, err)
	outcomes, err := compare.Run(t.Context(), plan, compare.Options{Work: t.TempDir(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	require.NoError(t, err)
	require.Len(t, outcomes, 2)

	measured, err := observe.World{
		Seed: config.Seed, Observers: config.Nodes, Mixnodes: config.Mixnodes, Epochs: config.Epochs, Ticks: config.Ticks,
	}.Observe()
	require.NoError(t, err)
	ways := map[compare.Mode]payout.Way{compare.Single: payout.Single(0), compare.Ephemera: payout.Group(config.Nodes, metrics.Estimators()[1])}
	paid := map[compare.Mode]int{}
	for _, outcome := range outcomes {
		require.Len(t, outcome.Records, config.Epochs)
		for e, record := range outcome.Records {
			rows := append([][]metrics.Uptime{nil}, measured.Values[e][1:]...)
			want := ways[outcome.Mode].Settle(payout.NewReports(config.Mixnodes, rows))
			if want == nil {
				require.Equal(t, contract.StatusMissed, record.Detail.Status, "epoch %d, %s", e+1, outcome.Mode)
				continue
			}
			paid[outcome.Mode]++
			require.Len(t, record.Detail.Result, config.Mixnodes)
			for j, reward := range record.Detail.Result {
				require.Equal(t, want[j].Value, reward.Value, "epoch %d, %s, %s", e+1, outcome.Mode, reward.Mixnode)
			}
		}
	}
	require.Equal(t, map[compare.Mode]int{compare.Ephemera: config.Epochs}, paid, "one alone pays nothing while it is down")
}
