package observe

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// TestPoorObserversChangeAlone applies each effect to three observers that all measured 90, 90 and
// nothing where 92, 80 and 50 is right.
func TestPoorObserversChangeAlone(t *testing.T) {
	row := []metrics.Uptime{9000, 9000, metrics.Missing}
	o := Observations{Mixnodes: 3, Values: [][][]metrics.Uptime{{row, row, row}}, Truth: [][]float64{{92, 80, 50}}}
	for name, test := range map[string]struct {
		effect Effect
		want   []metrics.Uptime
	}{
		"noisier":         {Noisier(1, 2), []metrics.Uptime{8800, 10000, metrics.Missing}},
		"as noisy":        {Noisier(1, 1), row},
		"nothing broken":  {Broken(1, 0), row},
		"all broken":      {Broken(1, 1), []metrics.Uptime{0, 0, metrics.Missing}},
		"shifted down":    {Shifted([]int{1}, -12.5), []metrics.Uptime{7750, 7750, metrics.Missing}},
		"shifted too far": {Shifted([]int{1}, 12), []metrics.Uptime{10000, 10000, metrics.Missing}},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.effect(o, 7)
			require.Equal(t, [][]metrics.Uptime{row, test.want, row}, got.Values[0])
			require.Equal(t, o.Truth, got.Truth)
		})
	}
	require.Equal(t, []metrics.Uptime{9000, 9000, metrics.Missing}, row, "the first observations are not modified")
}

func TestBrokenPathsHaveTheirShareAndAreNested(t *testing.T) {
	o := Observations{Mixnodes: 4000, Values: [][][]metrics.Uptime{{make([]metrics.Uptime, 4000)}}}
	for j := range 4000 {
		o.Values[0][0][j] = 9000
	}
	few, many := Broken(0, 0.05)(o, draw.State(3)), Broken(0, 0.2)(o, draw.State(3))
	broken := 0
	for j, v := range few.Values[0][0] {
		if v == 0 {
			broken++
			require.Zero(t, many.Values[0][0][j])
		}
	}
	require.InDelta(t, 200, broken, 60)
}

func TestOnlyMixnodesThatNeverChangeAreLeft(t *testing.T) {
	row := []metrics.Uptime{9000, 8000}
	o := Observations{Mixnodes: 2, Values: [][][]metrics.Uptime{{row}, {row}}, Truth: [][]float64{{90, 80}, {90, 70}}}
	left := Constant()(o, 1)
	for e := range 2 {
		require.Equal(t, []metrics.Uptime{9000, metrics.Missing}, left.Values[e][0])
		require.Equal(t, 90., left.Truth[e][0])
		require.NotEqual(t, left.Truth[e][1], left.Truth[e][1], "NaN")
	}
	require.Equal(t, [][]float64{{90, 80}, {90, 70}}, o.Truth)
}
