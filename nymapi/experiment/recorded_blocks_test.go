package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
)

func TestALossLiesInTheIntervalOverTheEpochsOfItsRecording(t *testing.T) {
	c := Base("test", "zero")
	c.N, c.Liars, c.Mixnodes, c.Epochs = 7, 2, 40, 43
	o, err := observe.World{Seed: 3, Observers: c.N, Mixnodes: c.Mixnodes, Epochs: c.Epochs, Ticks: c.Ticks}.Observe()
	require.NoError(t, err)
	outcomes, err := playRecorded(c, o, 3)
	require.NoError(t, err)
	plain, err := Play(c, o, 3)
	require.NoError(t, err)
	for i, outcome := range outcomes {
		r := outcome.Recording
		require.NotNil(t, r)
		require.Less(t, r.Low, outcome.Mispaid, outcome.Way)
		require.Greater(t, r.High, outcome.Mispaid, outcome.Way)
		if outcome.Way == "median" {
			require.Zero(t, r.DifferenceLow)
			require.Zero(t, r.DifferenceHigh)
		}
		if outcome.Way == "mean" {
			require.Positive(t, r.DifferenceLow, "two who report 0 move the mean")
		}
		outcome.Recording = nil
		require.Equal(t, plain[i], outcome, "nothing else changes")
	}
}
