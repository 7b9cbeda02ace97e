package observe

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

func observed(t *testing.T, observers int) Observations {
	t.Helper()
	o, err := World{Seed: 3, Observers: observers, Mixnodes: 40, Epochs: 20, Ticks: 4}.Observe()
	require.NoError(t, err)
	return o
}

func TestObserversMeasureTheSameInGroupsOfAnySize(t *testing.T) {
	small, large := observed(t, 4), observed(t, 7)
	require.Equal(t, small.Truth, large.Truth)
	for e := range small.Values {
		require.Equal(t, small.Values[e], large.Values[e][:4])
	}
}

func TestGapsHaveTheirShareAndAreNested(t *testing.T) {
	o := observed(t, 7)
	count := func(o Observations) (gaps int) {
		for _, rows := range o.Values {
			for _, row := range rows {
				for _, v := range row {
					if v == metrics.Missing {
						gaps++
					}
				}
			}
		}
		return gaps
	}
	require.Zero(t, count(o))
	few, many := Gaps(0.1)(o, 5), Gaps(0.5)(o, 5)
	require.InDelta(t, 0.1, float64(count(few))/(20*7*40), 0.02)
	require.InDelta(t, 0.5, float64(count(many))/(20*7*40), 0.03)
	require.Zero(t, count(o), "the first observations are not modified")
	for e, rows := range few.Values {
		for i, row := range rows {
			for j, v := range row {
				if v == metrics.Missing {
					require.Equal(t, metrics.Missing, many.Values[e][i][j])
				}
			}
		}
	}
}
