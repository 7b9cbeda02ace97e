package payout

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// drawRows draws reports of n Nym-APIs about some mixnodes. A row may be nil, a value missing.
func drawRows(t *rapid.T, n, mixnodes int) [][]metrics.Uptime {
	rows := make([][]metrics.Uptime, n)
	for i := range rows {
		if rapid.IntRange(0, 5).Draw(t, "present") == 0 {
			continue
		}
		rows[i] = make([]metrics.Uptime, mixnodes)
		for j := range rows[i] {
			rows[i][j] = metrics.Uptime(rapid.IntRange(-1, 10).Draw(t, "value"))
			if rows[i][j] > 0 {
				rows[i][j] *= 1000
			}
		}
	}
	return rows
}

// TestGroupPaysWhatTheContractPays compares epochs with the rules of the contract, for which the
// state of the history is folded as descriptions state it: up to the epoch before the last one.
func TestGroupPaysWhatTheContractPays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 10).Draw(t, "n")
		const mixnodes = 3
		f := quorum.Faulty(n)
		e := rapid.SampledFrom(append(metrics.Estimators(), metrics.WeightedByHistory())).Draw(t, "estimator")
		way, values := Group(n, e), verify.Values{}
		folded := []metrics.History{nil} // by epoch
		for epoch := 1; epoch <= 8; epoch++ {
			rows := drawRows(t, n, mixnodes)
			r := NewReports(mixnodes, rows)
			paid := way.Settle(r)
			m := matrixOf(t, rows)
			if len(m.Rows) < n-f {
				require.Nil(t, paid)
				folded = append(folded, folded[epoch-1])
				continue
			}
			rule := metrics.Rule{Estimator: e, F: f, Coverage: metrics.Coverage(f), History: folded[max(0, epoch-Lag)]}
			result := rule.Apply(m)
			want := values.Fill(contract.Description{Epoch: contract.Epoch(epoch), Rules: contract.Rules{CarryLimit: CarryLimit}}, result)
			values.Learn(contract.Epoch(epoch), result)
			folded = append(folded, folded[epoch-1].Fold(m, f))
			for j, reward := range want {
				age := 0
				if reward.CarriedFrom != 0 {
					age = epoch - int(reward.CarriedFrom)
				}
				require.Equal(t, Payment{Value: reward.Value, Age: age}, paid[j], "epoch %d, mixnode %d", epoch, j)
			}
		}
	})
}

func matrixOf(t require.TestingT, rows [][]metrics.Uptime) metrics.Matrix {
	var named []metrics.Row
	for i, row := range rows {
		if row != nil {
			named = append(named, metrics.Row{Reporter: string(rune('a' + i)), Values: row})
		}
	}
	m, err := metrics.NewMatrix([]metrics.MixID{"m1", "m2", "m3"}, named)
	require.NoError(t, err)
	return m
}

func TestScoreChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n, mixnodes = 4, 3
		for _, ways := range [][2]Way{
			{Single(1), Single(1)},
			{Group(n, metrics.WeightedByHistory()), Group(n, metrics.WeightedByHistory())},
			{Performance(), Performance()},
		} {
			for range 6 {
				r := NewReports(mixnodes, drawRows(t, n, mixnodes))
				ways[0].Score(NewReports(mixnodes, drawRows(t, n, mixnodes)))
				require.Equal(t, ways[1].Settle(r), ways[0].Settle(r))
			}
		}
	})
}

func TestOneNymAPIPaysWhatItReportsAndCarriesItThreeEpochs(t *testing.T) {
	way := Single(0)
	require.Equal(t, "single-1", way.Name())
	settle := func(row ...metrics.Uptime) []Payment {
		return way.Settle(NewReports(2, [][]metrics.Uptime{row, {1, 1}}))
	}
	missing := metrics.Missing
	require.Equal(t, []Payment{{Value: 9000}, {Value: missing}}, settle(9000, missing))
	require.Nil(t, way.Settle(NewReports(2, [][]metrics.Uptime{nil, {1, 1}})), "a missed epoch counts as an epoch")
	require.Equal(t, []Payment{{Value: 9000, Age: 2}, {Value: 8000}}, settle(missing, 8000))
	require.Equal(t, []Payment{{Value: 9000, Age: 3}, {Value: 8000, Age: 1}}, settle(missing, missing))
	require.Equal(t, []Payment{{Value: missing}, {Value: 8000, Age: 2}}, settle(missing, missing))
}

func TestOnlyTheReportsOfTheBlockCount(t *testing.T) {
	r := NewReports(1, [][]metrics.Uptime{{100}, {300}, {200}, nil})
	require.Equal(t, []metrics.Uptime{100, 200, 300}, r.Column(0))
	require.Equal(t, 3, r.Present())
	require.Equal(t, r, r.Only(nil))
	left := r.Only([]bool{true, false, true, true})
	require.Equal(t, []metrics.Uptime{100, 200}, left.Column(0))
	require.Equal(t, 2, left.Present())
	require.Nil(t, left.Row(1))
	require.NotNil(t, r.Row(1))
}
