package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
)

// TestEveryLieIsInTheGrid checks that no lie is defined and never played.
func TestEveryLieIsInTheGrid(t *testing.T) {
	played := map[string]bool{}
	for _, c := range append(baseCells(), specialCells()...) {
		played[c.Lie] = true
	}
	for _, lie := range lies.All() {
		require.True(t, played[lie.Name], lie.Name)
	}
}

// TestWinnersLeaveEverybodyUnpaid checks the result that limits what any rule can promise: f liars
// that win every epoch can withhold all payments.
func TestWinnersLeaveEverybodyUnpaid(t *testing.T) {
	c := Base("test", "winner")
	c.N, c.Liars, c.Mixnodes, c.Epochs = 4, 1, 30, 10
	f := play(t, c, 1)
	for _, rule := range []string{"median", "trimmed", "mad", "wmedian"} {
		require.Greater(t, f[rule].share(f[rule].Unpaid), 0.9, rule)
	}
	c.Lie = "best" // the block has all reports
	require.Zero(t, play(t, c, 1)["median"].Unpaid)
}
