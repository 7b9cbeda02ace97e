package simulation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// overloads are how much slower than two cores for all members the processors of a round are.
var overloads = []int64{1, 2}

// Overload makes rounds longer, not more expensive: on two cores that n members share, and on half
// as many, a block takes about the 3(n-1) frames that it needs.
func TestOverloadCostsNoFrames(t *testing.T) {
	sizes := []int{10, 20, 50}
	if !testing.Short() {
		sizes = append(sizes, 100)
	}
	for _, n := range sizes {
		for _, overload := range overloads {
			share := int64(n) / 2 * overload
			spent, err := simulation.Round{
				Members: n, Report: 3000, Link: 500, LinkRate: 1_250_000_000, Costs: simulation.MeasuredCosts(share),
			}.Run()
			require.NoError(t, err)
			needed := float64(3 * (n - 1))
			t.Logf("n=%d, %d members a core: %.1f frames a block, needed %.0f; delivered after %s, processors busy for %s; %.0f KiB a member; %d dropped",
				n, share, spent.BlockFrames, needed, time.Duration(spent.Delivery)*time.Microsecond, time.Duration(spent.Busy)*time.Microsecond,
				spent.MemberBytes/1024, spent.Dropped)
			require.LessOrEqual(t, spent.BlockFrames, 1.2*needed, "n=%d, %d members a core", n, share)
			require.GreaterOrEqual(t, spent.BlockFrames, needed)
		}
	}
}

// On an idle machine, a round takes what the protocol needs, to the frame.
func TestARoundTakesWhatItNeeds(t *testing.T) {
	for _, n := range []int{1, 2, 4, 10, 40} {
		spent, err := simulation.Round{Members: n, Report: 3000, Link: 50_000}.Run()
		require.NoError(t, err)
		require.InDelta(t, 3*(n-1), spent.BlockFrames, 0.01, "n=%d", n)
		require.InDelta(t, 4*(n-1), spent.MemberFrames, 0.01, "n=%d", n)
	}
}
