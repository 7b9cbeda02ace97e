package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/worth"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// alone returns how cells are played in worlds of their own.
func alone(play func(Cell, observe.Observations, uint64) ([]Outcome, error)) func(Cell, uint64) ([]Outcome, error) {
	return observed(&observe.Worlds{}, play)
}

// selected returns what epochs of payments, in points, shift for one place.
func selected(window int, truth [][]float64, epochs ...[]float64) Selection {
	w := selectionWatch{
		right: newRightChances(truth, window, 1), scores: newRolling(len(truth[0]), window), losses: make([]float64, len(truth[0])),
	}
	for e, values := range epochs {
		var paid []payout.Payment
		for _, v := range values {
			paid = append(paid, payout.Payment{Value: metrics.Uptime(v * float64(metrics.PerPoint))})
		}
		w.pay(paid, truth[e])
	}
	var f Figures
	w.figures(&f)
	return *f.Selection
}

// TestANodeThatIsPaidNothingLosesItsChanceToTheOthers has three equal nodes and one place: a chance
// of a third each, and without the first node a half for the others.
func TestANodeThatIsPaidNothingLosesItsChanceToTheOthers(t *testing.T) {
	truth := [][]float64{{80, 80, 80}}
	for _, nothing := range []float64{0, -0.01} { // 0 points, and a missing value
		s := selected(1, truth, []float64{nothing, 80, 80})
		require.InDelta(t, (1./3+1./6+1./6)/3, s.Shift, 1e-9)
		require.InDelta(t, 1./3, s.Loss, 1e-9)
		require.InDelta(t, 1./3, s.Places, 1e-9)
		require.InDelta(t, worth.Pay(0.8)*2/3, s.NYM, 1e-6)
	}
}

func TestEqualPointsTooMuchShiftNoChance(t *testing.T) {
	s := selected(1, [][]float64{{80, 80, 80}}, []float64{90, 90, 90})
	require.InDelta(t, 0, s.Shift, 1e-9)
	require.InDelta(t, worth.Pay(0.9)-worth.Pay(0.8), s.NYM, 1e-9)
}

// TestAWindowAveragesNoise has two epochs whose errors cancel each other in a window of two.
func TestAWindowAveragesNoise(t *testing.T) {
	truth := [][]float64{{80, 80}, {80, 80}}
	epochs := [][]float64{{70, 90}, {90, 70}}
	require.Greater(t, selected(1, truth, epochs...).Shift, 0.4)
	require.Less(t, selected(1, truth, epochs...).Loss, 1e-9, "nobody loses on average")
	require.InDelta(t, 0, selected(2, truth, epochs...).Shift, 1e-9)
}

func TestAMissedEpochRepeatsTheScoresOfTheLastOne(t *testing.T) {
	truth := [][]float64{{80, 60}, {80, 60}, {80, 60}}
	require.Equal(t, selected(1, truth, []float64{50, 50}, []float64{50, 50}), selected(1, truth, []float64{50, 50}, nil))
}

func TestMeansOfAWindowAreThoseOfItsLastValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.IntRange(1, 5).Draw(t, "window")
		values := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 20).Draw(t, "values")
		r := newRolling(1, window)
		for e, v := range values {
			r.add(func(int) float64 { return v })
			if e+1 < window {
				require.Nil(t, r.means())
				continue
			}
			sum := 0.0
			for _, last := range values[e+1-window : e+1] {
				sum += last
			}
			require.InDelta(t, sum/float64(window), r.means()[0], 1e-9)
		}
	})
}

func TestLiesAndNoiseShiftChances(t *testing.T) {
	shift := func(lie string, window string, n int) map[string]Selection {
		c := Base("selection", lie)
		c.N, c.Mixnodes, c.Epochs, c.Factor, c.Level = n, worth.Nodes, 4, windowLevel, window
		if lie != Honest {
			c.Liars = c.F()
		}
		outcomes, err := alone(playSelection)(c, 1)
		require.NoError(t, err)
		shifts := map[string]Selection{}
		for _, o := range outcomes {
			shifts[o.Way] = *o.Selection
		}
		return shifts
	}
	one, four := shift(Honest, "1", 4), shift(Honest, "4", 4)
	lied := shift("victims", "1", 4)
	require.Greater(t, one["single-1"].Places, one["mean"].Places, "four measure more than one")
	require.Greater(t, one["mean"].Places, four["mean"].Places, "a window averages noise")
	require.Greater(t, lied["single-1"].Loss, 0.3, "a victim is not drawn any more")
	require.Less(t, lied["median"].Loss, 0.3)
	for _, s := range one {
		require.InDelta(t, s.Shift*worth.Nodes/2, s.Places, 1e-6, "what some nodes lose, others win")
	}
	bad := Base("selection", Honest)
	bad.Level = "0"
	_, err := alone(playSelection)(bad, 1)
	require.ErrorContains(t, err, "window")
}

func BenchmarkSelection(b *testing.B) {
	c := selectionCells()[1]
	for b.Loop() {
		_, err := alone(playSelection)(c, 1)
		require.NoError(b, err)
	}
}
