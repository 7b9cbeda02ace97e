package experiment

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// watched settles epochs in which three honest Nym-APIs report 90 for two mixnodes and the first
// Nym-API what is given, and returns what is measured. The truth is 90.
func watched(t *testing.T, e metrics.Estimator, wakes int, first ...metrics.Uptime) Weights {
	t.Helper()
	c := Base("weights", "zero")
	c.N, c.Liars, c.Mixnodes = 4, 1, 2
	s := scorer{watch: newWeightsWatch(c, attack{liars: 1, wakes: wakes, targets: 1})}
	way := payout.Group(4, e)
	for _, v := range first {
		honest := []metrics.Uptime{9000, 9000}
		s.settle(way, payout.NewReports(2, [][]metrics.Uptime{{v, v}, honest, honest, honest}), []float64{90, 90})
	}
	return *s.figures().Weights
}

// TestALiarStandsOutInTheThirdEpoch follows the history by hand. Nobody has one in the first two
// epochs. In the third, the liar's deviation is (9·10,000 + 50²·10,000)/10 = 2,509,000, and that of
// the others 9,000, of which 9/4 are the reference.
func TestALiarStandsOutInTheThirdEpoch(t *testing.T) {
	w := watched(t, metrics.WeightedByHistory(), 1, 0, 0, 0)
	require.Equal(t, 3.0, w.Caught)
	require.Zero(t, w.Never)
	liar, others := math.Floor(1e12/2_509_000), 3*math.Floor(1e12/20_250)
	require.InDelta(t, (0.25+0.25+liar/(liar+others))/3, w.LiarWeight, 1e-9)
	require.Zero(t, w.FalseAlarms)
	require.Equal(t, 1.0, w.Poorest)
	require.Zero(t, w.First)
	require.Zero(t, w.Targets)
}

func TestASleepersEpochsCountFromItsWaking(t *testing.T) {
	w := watched(t, metrics.WeightedByHistory(), 3, 9000, 9000, 0, 0, 0)
	require.Equal(t, 3.0, w.Caught)
	w = watched(t, metrics.WeightedByHistory(), 3, 9000, 9000, 0, 0)
	require.Equal(t, 2.0, w.Caught, "all epochs of the attack")
	require.Equal(t, 1.0, w.Never)
	require.InDelta(t, 0.25, w.LiarWeight, 1e-9)
	w = watched(t, metrics.WeightedByHistory(), 5, 0, 0, 0, 0, 0)
	require.Equal(t, 1.0, w.Caught, "it stands out before it wakes, and still does")
}

// TestErrorsOfTheMixnodesLiedAboutAreTheirs has two mixnodes of which the second one is wrong.
func TestErrorsOfTheMixnodesLiedAboutAreTheirs(t *testing.T) {
	c := Base("weights", "zero")
	c.N, c.Mixnodes = 4, 2
	for targets, want := range map[int]float64{1: 0, 2: 10 / math.Sqrt2} {
		w := newWeightsWatch(c, attack{wakes: 1, targets: targets})
		w.epoch = 1
		w.pay([]payout.Payment{{Value: 9000}, {Value: 9000}}, []float64{90, 80})
		var f Figures
		w.figures(&f)
		require.InDelta(t, want, f.Weights.Targets, 1e-9)
	}
}

func TestWaysWithoutWeightsHaveErrorsOnly(t *testing.T) {
	mean, _ := metrics.ParseEstimator("mean")
	w := watched(t, mean, 2, 9000, 0, 9000, 9000, 0)
	require.True(t, math.IsNaN(w.Caught) && math.IsNaN(w.LiarWeight) && math.IsNaN(w.FalseAlarms) && math.IsNaN(w.Poorest))
	require.InDelta(t, 22.5/math.Sqrt(3), w.First, 1e-9, "one of three epochs is wrong by 22.5 points")
	require.InDelta(t, 22.5/math.Sqrt(2), w.Targets, 1e-9, "two of four")
}

// TestAnHonestNymAPIWithBrokenPathsIsAFalseAlarm has one that measures 0 in every tenth mixnode.
func TestAnHonestNymAPIWithBrokenPathsIsAFalseAlarm(t *testing.T) {
	play := func(level string) map[string]Weights {
		c := weightsCell(7, Honest).with(brokenFactor, level)
		c.Epochs = 8
		outcomes, err := alone(playWeights)(c, 1)
		require.NoError(t, err)
		got := map[string]Weights{}
		for _, o := range outcomes {
			got[o.Way] = *o.Weights
		}
		return got
	}
	require.Zero(t, play("0")["wmedian"].FalseAlarms)
	broken := play("0.1")["wmedian"]
	require.InDelta(t, 6./8/7, broken.FalseAlarms, 1e-9, "one of seven, from the third epoch on")
	require.Less(t, broken.Poorest, 0.6)
	require.True(t, math.IsNaN(broken.Caught), "nobody lies")
}

func TestEveryCellAboutWeightsCanBePlayed(t *testing.T) {
	cells := weightsCells()
	texts := []string{}
	for _, c := range cells {
		texts = append(texts, c.String())
		_, err := c.poor()
		require.NoError(t, err)
		_, a, err := c.attack()
		require.NoError(t, err)
		require.Less(t, a.wakes, c.Epochs, c)
	}
	slices.Sort(texts)
	require.Len(t, slices.Compact(texts), len(cells), "cells differ")
	bad := weightsCell(4, Honest).with("phase", "1")
	_, err := alone(playWeights)(bad, 1)
	require.ErrorContains(t, err, "unknown factor")
	_, err = alone(playWeights)(bad.with(noiseFactor, "loud"), 1)
	require.ErrorContains(t, err, "expected a number")
	_, err = alone(playWeights)(weightsCell(4, "nothing"), 1)
	require.ErrorContains(t, err, "unknown lie")
}

// TestSleepersWakeWhenTheyAreSaidTo plays one liar of four until the epoch in which it first
// reports 0 for all mixnodes.
func TestSleepersWakeWhenTheyAreSaidTo(t *testing.T) {
	for name, epoch := range wakes {
		lie, ok := lies.Find(name)
		require.True(t, ok, name)
		liars := lie.Begin(lies.Scene{N: 4, F: 1, Liars: []int{0}, Mixnodes: 2})
		for e := 1; e <= epoch; e++ {
			row := []metrics.Uptime{9000, 9000}
			rows := [][]metrics.Uptime{{8000, 8000}, row, row, row}
			liars.Report(e, rows)
			require.Equal(t, e == epoch, rows[0][0] == 0, "%s in epoch %d", name, e)
		}
	}
}
