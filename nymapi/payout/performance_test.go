package payout

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// TestPerformancePaysWhatThePerformanceContractPays submits all reports to the contract, and
// compares epochs. Some epochs have no report, so that values are looked up in older ones.
func TestPerformancePaysWhatThePerformanceContractPays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const mixnodes = 2
		n := rapid.IntRange(1, 6).Draw(t, "n")
		start := performance.Start{Admin: "admin", Weights: performance.LivenessOnly(), Bonded: []performance.NodeID{1, 2}}
		for i := range n {
			start.Monitors = append(start.Monitors, monitor(i))
		}
		c, err := performance.New(start)
		require.NoError(t, err)
		way := Performance()
		silent := 0
		for epoch := range performance.EpochID(60) {
			rows := make([][]metrics.Uptime, n)
			if silent == 0 {
				silent = rapid.IntRange(0, 30).Draw(t, "silent epochs")
				rows = drawRows(t, n, mixnodes)
			} else {
				silent--
			}
			submit(t, c, epoch, rows)
			for j, paid := range way.Settle(NewReports(mixnodes, rows)) {
				in := c.Inputs(epoch, performance.NodeID(j+1))
				want := Payment{Value: in.Score.Uptime()}
				if in.Found {
					want.Age = int(epoch - in.Source)
				}
				require.Equal(t, want, paid, "epoch %d, mixnode %d", epoch, j)
			}
			c.Advance(1)
		}
	})
}

func monitor(i int) performance.Address { return performance.Address(fmt.Sprintf("nymapi-%d", i+1)) }

// submit submits the reports of an epoch.
func submit(t require.TestingT, c *performance.Contract, epoch performance.EpochID, rows [][]metrics.Uptime) {
	for i, row := range rows {
		var batch []performance.Entry
		for j, value := range row {
			if value != metrics.Missing {
				values := performance.Values{performance.PercentOf(value), performance.Absent, performance.Full}
				batch = append(batch, performance.Entry{Node: performance.NodeID(j + 1), Values: values})
			}
		}
		done, err := c.Batch(monitor(i), epoch, batch)
		require.NoError(t, err)
		require.Equal(t, len(batch), done.Accepted)
	}
}

func TestNoBlockDecidesWhatTheyPay(t *testing.T) {
	require.True(t, Alone(Single(0)))
	require.True(t, Alone(Performance()))
	require.False(t, Alone(Group(4, metrics.Estimators()[0])))
}
