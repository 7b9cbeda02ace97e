package observe

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
)

const recording = `epoch,observer,m1,m2
1,a,10,
1,b,20,
1,c,30,
1,d,40,50
2,a,11,
2,b,21,
2,c,31,
`

// TestRecordedObserversReportOrAreTheTruth draws until each of the observers was the only one that
// is not the truth, and computes the truth by hand.
func TestRecordedObserversReportOrAreTheTruth(t *testing.T) {
	tr, err := trace.Read(strings.NewReader(recording), "recording")
	require.NoError(t, err)
	// The medians of the others in epoch 1.
	medians := map[metrics.Uptime]float64{1000: 30, 2000: 30, 3000: 20, 4000: 20}
	seen := map[metrics.Uptime]bool{}
	for seed := range draw.State(50) {
		o, err := Recorded(tr, 1, seed)
		require.NoError(t, err)
		again, err := Recorded(tr, 1, seed)
		require.NoError(t, err)
		require.True(t, slices.EqualFunc(o.Values, again.Values, func(a, b [][]metrics.Uptime) bool { return slices.Equal(a[0], b[0]) }))
		require.Equal(t, 2, o.Epochs())
		first := o.Values[0][0]
		require.Equal(t, medians[first[0]], o.Truth[0][0])
		seen[first[0]] = true
		if first[0] == 4000 {
			require.Equal(t, []metrics.Uptime{4000, 5000}, first)
			require.Nil(t, o.Values[1][0], "d measured nothing in epoch 2")
			require.Equal(t, 21., o.Truth[1][0])
			require.NotEqual(t, o.Truth[0][1], o.Truth[0][1], "no other observer measured m2: NaN")
			continue
		}
		require.Equal(t, metrics.Missing, first[1])
		require.Equal(t, 50., o.Truth[0][1])
	}
	require.Len(t, seen, 4)
}

func TestObserversThatMustReportAreTheLastOnes(t *testing.T) {
	tr, err := trace.Read(strings.NewReader(recording), "recording")
	require.NoError(t, err)
	firsts := map[metrics.Uptime]bool{}
	for seed := range draw.State(50) {
		o, err := Recorded(tr, 3, seed, 3, 1)
		require.NoError(t, err)
		require.EqualValues(t, 4000, o.Values[0][1][0], "d")
		require.EqualValues(t, 2000, o.Values[0][2][0], "b")
		firsts[o.Values[0][0][0]] = true
	}
	require.Equal(t, map[metrics.Uptime]bool{1000: true, 3000: true}, firsts, "a or c, by the seed")
}
