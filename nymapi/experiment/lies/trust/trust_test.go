package trust

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
)

// TestEveryLieConforms checks that a lie changes no honest row, reports uptimes, and does the same
// when it begins again.
func TestEveryLieConforms(t *testing.T) {
	for _, lie := range All() {
		t.Run(lie.Name, func(t *testing.T) {
			require.NotEmpty(t, lie.About)
			_, taken := lies.Find(lie.Name)
			require.False(t, taken, "package lies has a lie of this name")
			rapid.Check(t, func(t *rapid.T) { conforms(t, lie) })
		})
	}
}

func conforms(t *rapid.T, lie Lie) {
	n := rapid.SampledFrom([]int{4, 7, 10}).Draw(t, "n")
	s := lies.Scene{N: n, F: quorum.Faulty(n), Mixnodes: rapid.IntRange(1, 15).Draw(t, "mixnodes")}
	for i := range rapid.IntRange(1, s.F+1).Draw(t, "liars") {
		s.Liars = append(s.Liars, i)
	}
	first, second := lie.Begin(s), lie.Begin(s)
	for _, epoch := range []int{1, 15, 22, 30} {
		measured := drawRows(t, s)
		rows, again := clone(measured), clone(measured)
		require.Nil(t, first.Report(epoch, rows), "it chooses no block")
		second.Report(epoch, again)
		require.Equal(t, rows, again, "deterministic")
		for i, row := range rows {
			if measured[i] == nil || !slices.Contains(s.Liars, i) {
				require.Equal(t, measured[i], row, "row %d is honest or silent", i)
			}
			for _, v := range row {
				require.True(t, v == metrics.Missing || v.Valid(), v)
			}
		}
	}
}

// drawRows draws what all measure. A row may be nil, and values may be missing.
func drawRows(t *rapid.T, s lies.Scene) [][]metrics.Uptime {
	rows := make([][]metrics.Uptime, s.N)
	for i := range rows {
		if rapid.IntRange(0, 9).Draw(t, "present") == 0 {
			continue
		}
		rows[i] = rapid.SliceOfN(rapid.Map(rapid.IntRange(-1, int(metrics.Full)), func(v int) metrics.Uptime { return metrics.Uptime(v) }), s.Mixnodes, s.Mixnodes).Draw(t, "row")
	}
	return rows
}

func clone(rows [][]metrics.Uptime) [][]metrics.Uptime {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i] = slices.Clone(rows[i])
	}
	return rows
}

// lied returns the first liar's row after a lie. One liar of four is the first.
func lied(t *testing.T, name string, rows ...[]metrics.Uptime) []metrics.Uptime {
	t.Helper()
	lie, ok := Find(name)
	require.True(t, ok)
	rows = clone(rows)
	lie.Begin(lies.Scene{N: len(rows), F: 1, Liars: []int{0}, Mixnodes: len(rows[0])}).Report(1, rows)
	return rows[0]
}

func TestLiesByHand(t *testing.T) {
	rows := [][]metrics.Uptime{
		{9000, 500, 9000},
		{9000, 700, 9900},
		{9200, 800, 9900},
		{9400, 900, 9900},
	}
	row := func(values ...metrics.Uptime) []metrics.Uptime { return values }
	require.Equal(t, row(0, 0, 9900), lied(t, "mimic-2", rows...))
	// Distances from the honest medians: 200, 0, 200, 100, 0, 100 and three times 0. The root of their
	// mean square is 105.4.
	require.Equal(t, row(9200-105, 800-105, 9900-105), lied(t, "width-1", rows...))
	// The framed one is below the medians, so the median is pushed up to the middle honest value.
	require.Equal(t, row(9200, 800, 9900), lied(t, "push", rows...))
	_, ok := Find("nothing")
	require.False(t, ok)
}

// TestNoLieMovesTheMedianFurtherThanAPush checks that the value is the median of all, and the
// extreme one for that many liars.
func TestNoLieMovesTheMedianFurtherThanAPush(t *testing.T) {
	value := rapid.Map(rapid.IntRange(0, 20), func(v int) metrics.Uptime { return metrics.Uptime(v) })
	rapid.Check(t, func(t *rapid.T) {
		column := rapid.SliceOfN(value, 3, 9).Draw(t, "honest")
		slices.Sort(column)
		liars := rapid.IntRange(1, (len(column)-1)/2).Draw(t, "liars")
		with := func(values ...metrics.Uptime) metrics.Uptime {
			return metrics.Median(slices.Sorted(slices.Values(slices.Concat(column, values))))
		}
		low, high := pushed(column, liars, true), pushed(column, liars, false)
		require.Equal(t, low, with(slices.Repeat([]metrics.Uptime{low}, liars)...))
		require.Equal(t, high, with(slices.Repeat([]metrics.Uptime{high}, liars)...))
		other := with(rapid.SliceOfN(value, liars, liars).Draw(t, "lies")...)
		if (len(column)+liars)%2 == 1 {
			require.LessOrEqual(t, low, other)
			require.GreaterOrEqual(t, high, other)
		}
	})
}
