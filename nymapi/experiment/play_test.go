package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
)

func play(t testing.TB, c Cell, seed uint64) map[string]Figures {
	t.Helper()
	o, err := observe.World{Seed: seed, Observers: c.N, Mixnodes: c.Mixnodes, Epochs: c.Epochs, Ticks: c.Ticks}.Observe()
	require.NoError(t, err)
	outcomes, err := Play(c, o, seed)
	require.NoError(t, err)
	figures := map[string]Figures{}
	for _, outcome := range outcomes {
		figures[outcome.Way] = outcome.Figures
	}
	return figures
}

func TestLiarsUpToFHurtLessThanOneThatDecidesAlone(t *testing.T) {
	c := Base("test", "zero")
	c.N, c.Mixnodes, c.Epochs = 7, 60, 20
	for liars := range c.F() + 1 {
		c.Liars = liars
		f := play(t, c, 1)
		require.Equal(t, 20*60, f["median"].Fresh)
		require.Less(t, f["median"].RMSE, 6.0)
		if liars > 0 {
			require.Greater(t, f["single-1"].RMSE, 80.0)
			require.Less(t, f["single-7"].RMSE, 8.0)
			require.Greater(t, f["mean"].RMSE, f["median"].RMSE)
		}
	}
}

func BenchmarkPlay(b *testing.B) {
	c := Base("test", "victims")
	o, err := observe.World{Seed: 1, Observers: c.N, Mixnodes: c.Mixnodes, Epochs: c.Epochs, Ticks: c.Ticks}.Observe()
	require.NoError(b, err)
	for b.Loop() {
		if _, err := Play(c, o, 1); err != nil {
			b.Fatal(err)
		}
	}
}
