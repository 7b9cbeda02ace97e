package lies

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// blocks returns all blocks of at least n-f reports with those of all liars.
func blocks(s Scene) (all [][]bool) {
	honest := s.Honest()
	for set := range 1 << len(honest) {
		block := slices.Repeat([]bool{true}, s.N)
		out := 0
		for x, i := range honest {
			if set&(1<<x) != 0 {
				block[i], out = false, out+1
			}
		}
		if out <= s.F {
			all = append(all, block)
		}
	}
	return all
}

// TestWinnersFindNearlyTheWorstBlock compares the greedy search with all blocks, in sum over always
// the same epochs. Groups of 6 and 9 cannot be starved by a block, so that the choice matters.
func TestWinnersFindNearlyTheWorstBlock(t *testing.T) {
	for _, r := range rules() {
		if payout.Alone(r.way(4)) {
			continue // no block decides
		}
		t.Run(r.name, func(t *testing.T) {
			var found, exact float64
			epochs := rapid.Custom(func(t *rapid.T) [2]float64 {
				s := drawScene(t, r, []int{6, 7, 9}, 3)
				chosen, worst, none := chosenBlock(s, drawEpoch(t, s))
				require.GreaterOrEqual(t, chosen, none)
				return [2]float64{chosen, worst}
			})
			for seed := range 300 {
				harm := epochs.Example(seed)
				found, exact = found+harm[0], exact+harm[1]
			}
			require.GreaterOrEqual(t, found, 0.9*exact)
			t.Logf("%.4f of the worst", found/exact)
		})
	}
}

// chosenBlock returns the harm with the block that winners choose, with the worst one, and with all
// reports.
func chosenBlock(s Scene, rows [][]metrics.Uptime) (chosen, worst, none float64) {
	honest, m := s.HonestReports(rows), newMyopic(s)
	block := m.choose(1, rows, honest)
	for _, b := range blocks(s) {
		worst = max(worst, m.harm(1, rows, b, honest))
	}
	return m.harm(1, rows, block, honest), worst, m.harm(1, rows, nil, honest)
}

// TestWinnersLeaveMixnodesUnpaid checks what a block with n-f reports allows where n is 3f+1: one
// liar in it that reports nothing about a mixnode.
func TestWinnersLeaveMixnodesUnpaid(t *testing.T) {
	for _, e := range metrics.Estimators() {
		s, o := inWorld(t, 4, 8, 0, e)
		liars := begin(t, "winner", s)
		for epoch := range o.Epochs() {
			rows := clone(o.Values[epoch])
			block := liars.Report(epoch+1, rows)
			paid := s.Judge.Settle(payout.NewReports(s.Mixnodes, rows).Only(block))
			unpaid := 0
			for _, p := range paid {
				if p.Value == metrics.Missing {
					unpaid++
				}
			}
			require.Greater(t, unpaid, s.Mixnodes*9/10, "%s in epoch %d", e.Name(), epoch+1)
		}
	}
}

// TestLiarsWithoutWhomThereIsNoBlockAreSilent checks that f+1 liars use it.
func TestLiarsWithoutWhomThereIsNoBlockAreSilent(t *testing.T) {
	for _, name := range []string{"best", "myopic", "winner"} {
		for _, e := range append(metrics.Estimators(), metrics.WeightedByHistory()) {
			s := Scene{N: 4, F: 1, Liars: []int{0, 1}, Mixnodes: 1, Judge: payout.Group(4, e)}
			rows := [][]metrics.Uptime{{9000}, {9000}, {9000}, {9000}}
			require.Nil(t, begin(t, name, s).Report(1, rows))
			require.Equal(t, [][]metrics.Uptime{nil, nil, {9000}, {9000}}, rows, "%s against %s", name, e.Name())
		}
	}
}
