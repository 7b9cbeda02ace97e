package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// The estimate of a column is what the whole matrix would have paid under that estimator.
func TestEstimatesOfAColumnAreThoseOfTheMatrix(t *testing.T) {
	d := contracttest.Description(7, 5)
	for _, number := range contracttest.Numbers(7) {
		d.State.History = append(d.State.History, contract.Deviation{Reporter: contracttest.Key(number).Public(), Squared: int64(number*number) * 40_000})
	}
	rows := make([]metrics.Row, 7)
	for i := range rows {
		rows[i] = metrics.Row{Reporter: contracttest.Key(i + 1).Public().PeerID(), Values: []metrics.Uptime{9000, 8000, metrics.Missing, 10000, metrics.Missing}}
		rows[i].Values[0] += metrics.Uptime(20 * i * i)
		rows[i].Values[1] -= metrics.Uptime(999 * i)
		if i%2 == 0 {
			rows[i].Values[2] = metrics.Uptime(1000 * i)
		}
	}
	matrix, err := metrics.NewMatrix(d.Mixnodes, rows)
	require.NoError(t, err)
	different := 0
	for j, mixnode := range d.Mixnodes {
		column := make([]metrics.Row, len(matrix.Rows))
		for i, row := range matrix.Rows {
			column[i] = metrics.Row{Reporter: row.Reporter, Values: row.Values[j : j+1]}
		}
		one, err := metrics.NewMatrix([]metrics.MixID{mixnode}, column)
		require.NoError(t, err)
		estimates, err := verify.Estimates(one, d)
		require.NoError(t, err)
		require.Len(t, estimates, len(metrics.Estimators())+1)
		for _, e := range estimates {
			under := d
			estimator, err := metrics.ParseEstimator(e.Estimator)
			require.NoError(t, err)
			under.Rules.Estimator, under.Rules.Version = estimator.Name(), estimator.Version()
			result, err := verify.Result(matrix, under)
			require.NoError(t, err)
			require.Equal(t, contract.Percent(result.Values[j]), e.Percent, "%s of %s", e.Estimator, mixnode)
			if e.Percent != nil && *e.Percent != *estimates[1].Percent {
				different++
			}
		}
	}
	require.Positive(t, different, "the estimators must not agree on everything, or nothing is tested")
	_, err = verify.Estimates(matrix, d)
	require.ErrorContains(t, err, "a matrix of 5 mixnodes, expected one")
}
