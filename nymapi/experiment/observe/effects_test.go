package observe

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// effects of observers, with a share that gives enough to compare.
func effects() map[string]func(chosen []bool, share float64) Effect {
	return map[string]func([]bool, float64) Effect{
		"outages": Outages, "bug": Bug, "region": Region, "recognised": Recognised,
	}
}

// last chooses the last observers of seven.
func last(count int) []bool {
	chosen := make([]bool, 7)
	for i := range count {
		chosen[len(chosen)-1-i] = true
	}
	return chosen
}

// changed returns which values of an epoch, an observer and a mixnode differ.
func changed(t *testing.T, before, after Observations) map[[3]int]bool {
	t.Helper()
	differ := map[[3]int]bool{}
	for e, rows := range before.Values {
		for i, row := range rows {
			if after.Values[e][i] != nil {
				require.Len(t, after.Values[e][i], len(row))
			}
			for j, v := range row {
				if after.Values[e][i] == nil || after.Values[e][i][j] != v {
					differ[[3]int{e, i, j}] = true
				}
			}
		}
	}
	return differ
}

func TestEffectsAreReproducibleAndNestedInShareAndObservers(t *testing.T) {
	before := observed(t, 7)
	pristine := observed(t, 7)
	for name, effect := range effects() {
		t.Run(name, func(t *testing.T) {
			none := changed(t, before, effect(last(3), 0)(before, 5))
			few := changed(t, before, effect(last(3), 0.2)(before, 5))
			many := changed(t, before, effect(last(3), 0.6)(before, 5))
			more := changed(t, before, effect(last(5), 0.2)(before, 5))
			require.Empty(t, none)
			require.NotEmpty(t, few)
			require.Greater(t, len(many), len(few))
			for at := range few {
				require.Contains(t, many, at)
				if name != "recognised" { // it moves the values of observers that are not chosen
					require.Contains(t, more, at)
				}
			}
			require.Equal(t, few, changed(t, before, effect(last(3), 0.2)(before, 5)))
			require.NotEqual(t, few, changed(t, before, effect(last(3), 0.2)(before, 6)), "the seed decides")
			require.Equal(t, pristine, before, "the first observations are not modified")
		})
	}
}

func TestEffectsChangeTheChosenObserversOnly(t *testing.T) {
	before := observed(t, 7)
	for _, name := range []string{"outages", "bug", "region"} {
		for at := range changed(t, before, effects()[name](last(3), 0.5)(before, 5)) {
			require.GreaterOrEqual(t, at[1], 4, name)
		}
	}
}

func TestAnOutageIsOfAllObserversOfAHosterInTheSameEpochs(t *testing.T) {
	o := Outages(last(3), 0.5)(observed(t, 7), 5)
	down := 0
	for _, rows := range o.Values {
		for i, row := range rows {
			require.Equal(t, i >= 4 && rows[6] == nil, row == nil)
		}
		if rows[6] == nil {
			down++
		}
	}
	require.InDelta(t, 10, down, 6)
}

func TestABugHalvesTheSameMixnodesForAllInAllEpochs(t *testing.T) {
	before := observed(t, 7)
	after := Bug(last(3), 0.5)(before, 5)
	wrong := before.some(draw.State(5).With(drawBug), 0.5)
	for e, rows := range before.Values {
		for i, row := range rows {
			for j, v := range row {
				if i >= 4 && wrong[j] {
					v /= 2
				}
				require.Equal(t, v, after.Values[e][i][j])
			}
		}
	}
}

func TestARegionIsMissingForTheSameObserversInAllEpochs(t *testing.T) {
	after := Region(last(2), 0.5)(observed(t, 7), 5)
	for _, rows := range after.Values {
		for j := range rows[0] {
			require.Equal(t, after.Values[0][6][j] == metrics.Missing, rows[6][j] == metrics.Missing)
			require.Equal(t, rows[6][j] == metrics.Missing, rows[5][j] == metrics.Missing)
			require.NotEqual(t, metrics.Missing, rows[4][j])
		}
	}
}

func TestMixnodesThatRecogniseObserversServeNobodyElse(t *testing.T) {
	before := observed(t, 7)
	after := Recognised(last(2), 0.5)(before, 5)
	cheats := before.some(draw.State(5).With(drawRecognised), 0.5)
	for e, rows := range after.Values {
		for j, cheat := range cheats {
			if !cheat {
				require.Equal(t, before.Truth[e][j], after.Truth[e][j])
				require.Equal(t, before.Values[e][6][j], rows[6][j])
				continue
			}
			require.Zero(t, after.Truth[e][j])
			require.Equal(t, metrics.Full, rows[6][j])
			require.Equal(t, metrics.Full, rows[5][j])
			require.Zero(t, rows[4][j])
		}
	}
}

func TestGapsLeaveAnObserverWithoutReportWithoutReport(t *testing.T) {
	o := Gaps(0.5)(Outages(last(7), 1)(observed(t, 7), 5), 5)
	for _, rows := range o.Values {
		for _, row := range rows {
			require.Nil(t, row)
		}
	}
	require.False(t, math.IsNaN(o.Truth[0][0]))
}
