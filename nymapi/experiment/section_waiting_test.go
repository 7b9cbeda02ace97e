package experiment

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/waiting"
)

func waited(t *testing.T, situation string) map[string]Figures {
	t.Helper()
	c := Base("waiting", Honest).with(situationFactor, situation)
	c.N, c.Mixnodes, c.Epochs = 4, 10, 20
	outcomes, err := alone(playWaiting)(c, 1)
	require.NoError(t, err)
	require.Len(t, outcomes, len(waiting.Rules()))
	figures := map[string]Figures{}
	for _, o := range outcomes {
		figures[o.Way] = o.Figures
	}
	return figures
}

func TestASilentMemberCostsAQuarterOfEachEpochUnlessItIsRemembered(t *testing.T) {
	f := waited(t, "one-away")
	require.InDelta(t, 0.25, f["until-0.25"].Waiting.Delay, 0.001)
	require.InDelta(t, 0.25*3/20, f["heard-3"].Waiting.Delay, 0.02, "three epochs of twenty")
	require.Less(t, f["until-0"].Waiting.Delay, 0.03)
	for _, figures := range f {
		require.Equal(t, 1.0, figures.Waiting.Reports, "those of the others")
		require.Zero(t, figures.Missed)
	}
}

func TestWaitingForTheLastReportIsMoreAccurate(t *testing.T) {
	f := waited(t, "all")
	require.InDelta(t, 0.75, f["until-0"].Waiting.Reports, 1e-9)
	require.Equal(t, 1.0, f["until-0.5"].Waiting.Reports)
	require.Less(t, f["until-0.5"].RMSE, f["until-0"].RMSE)
	require.Less(t, f["until-0"].Waiting.Delay, f["until-0.5"].Waiting.Delay)
	require.GreaterOrEqual(t, f["until-0.5"].Waiting.Longest, f["until-0.5"].Waiting.Delay)
}

func TestOneThatOpensNoCommitmentMissesAllEpochsIfAllAreNeeded(t *testing.T) {
	f := waited(t, "no-reveal")
	require.Equal(t, 20, f["commit-reveal-all"].Missed)
	require.True(t, math.IsNaN(f["commit-reveal-all"].Waiting.Delay))
	require.InDelta(t, 0.25, f["commit-reveal"].Waiting.Delay-f["until-0.25"].Waiting.Delay, 0.001)
	_, err := alone(playWaiting)(Base("waiting", Honest), 1)
	require.ErrorContains(t, err, "unknown situation")
}
