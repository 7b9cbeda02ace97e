package lies

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// harmInWorld returns the mean absolute error of what is paid, in points, and the liars' share of
// the deviation that costs weight after the last epoch: at most 1 for full weight.
func harmInWorld(t *testing.T, name string, s Scene, o observe.Observations) (harm, deviation float64) {
	t.Helper()
	liars := begin(t, name, s)
	for epoch := range o.Epochs() {
		rows := clone(o.Values[epoch])
		block := liars.Report(epoch+1, rows)
		r := payout.NewReports(s.Mixnodes, rows).Only(block)
		if weights := payout.Weights(s.Judge, r); weights != nil {
			deviation = float64(weights.Deviations[s.Liars[0]]) / float64(weights.Reference)
		}
		for j, p := range s.Judge.Settle(r) {
			paid := max(0, p.Value)
			harm += max(float64(paid)/100-o.Truth[epoch][j], o.Truth[epoch][j]-float64(paid)/100)
		}
	}
	return harm / float64(o.Epochs()*s.Mixnodes), deviation
}

// TestBestKeepsItsWeight checks what the SPEC of wmedian admits: liars that stay below the
// reference hurt as much as under the plain median, and more than those that do not wait.
func TestBestKeepsItsWeight(t *testing.T) {
	play := func(name string, e metrics.Estimator) (float64, float64) {
		s, o := inWorld(t, 10, 30, 0, e)
		return harmInWorld(t, name, s, o)
	}
	median, err := metrics.ParseEstimator("median")
	require.NoError(t, err)
	unweighted, _ := play("best", median)
	patient, deviation := play("best", metrics.WeightedByHistory())
	require.LessOrEqual(t, deviation, 1.0)
	require.InDelta(t, unweighted, patient, 0.1)
	impatient, deviation := play("myopic", metrics.WeightedByHistory())
	require.Greater(t, deviation, 10.0)
	for name, harm := range map[string]float64{"myopic": impatient} {
		require.Greater(t, patient, 1.2*harm, name)
	}
	for _, name := range []string{"shave", "framer", "copier", "sleeper", "zero"} {
		harm, _ := play(name, metrics.WeightedByHistory())
		require.Greater(t, patient, harm, name)
	}
}

// TestBudgetKeepsLiarsBelowTheReference folds what the budget allows into the history.
func TestBudgetKeepsLiarsBelowTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, rule{"wmedian", func(n int) payout.Way { return payout.Group(n, metrics.WeightedByHistory()) }}, []int{4, 7}, 3)
		b := beginBest(s).(*best)
		for i := range s.N {
			b.history[b.names[i]] = rapid.Int64Range(0, 1_000_000).Draw(t, "deviation")
		}
		rows := drawEpoch(t, s)
		weights := b.history.Weigh(b.matrix(rows), s.F)
		budget := b.budget(rows)
		for _, i := range s.Liars {
			after := (9*float64(weights.Deviations[i]) + budget/float64(s.Mixnodes)) / 10
			require.True(t, budget == 0 || after <= float64(weights.Reference)*trustShare/100, "%f of %d", after, weights.Reference)
		}
	})
}

// TestSpendingStaysWithinTheBudget compares with all combinations of a few choices.
func TestSpendingStaysWithinTheBudget(t *testing.T) {
	var found, exact float64
	rapid.Check(t, func(t *rapid.T) {
		choices := make([][]choice, 6)
		for j := range choices {
			for range 3 {
				choices[j] = append(choices[j], choice{
					harm: float64(rapid.IntRange(0, 100).Draw(t, "harm")), cost: float64(rapid.IntRange(0, 100).Draw(t, "cost")),
				})
			}
			choices[j][0].cost = 0
		}
		budget := float64(rapid.IntRange(0, 400).Draw(t, "budget"))
		chosen, total := spend(choices, budget)
		var harm, cost float64
		for _, c := range chosen {
			harm, cost = harm+c.harm, cost+c.cost
		}
		require.Equal(t, harm, total)
		require.LessOrEqual(t, cost, budget)
		best, dearest := mostHarm(choices, budget), 0.0
		for _, all := range choices {
			for _, c := range all {
				dearest = max(dearest, c.harm)
			}
		}
		require.GreaterOrEqual(t, total, best-dearest, "more than one mixnode off")
		found, exact = found+total, exact+best
	})
	require.Greater(t, found, 0.8*exact)
}

func mostHarm(choices [][]choice, budget float64) float64 {
	if len(choices) == 0 {
		return 0
	}
	most := -1e9
	for _, c := range choices[0] {
		if c.cost <= budget {
			most = max(most, c.harm+mostHarm(choices[1:], budget-c.cost))
		}
	}
	return most
}
