package lies

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// TestEveryLieConforms checks what a lie must keep to: it changes no honest row, reports uptimes,
// stays silent where a liar cannot report, chooses a valid block, and does the same when it begins
// again.
func TestEveryLieConforms(t *testing.T) {
	for _, lie := range All() {
		t.Run(lie.Name, func(t *testing.T) {
			require.NotEmpty(t, lie.About)
			rapid.Check(t, func(t *rapid.T) { conforms(t, lie) })
		})
	}
}

func conforms(t *rapid.T, lie Lie) {
	n := rapid.SampledFrom([]int{1, 2, 4, 6, 7, 10}).Draw(t, "n")
	s := Scene{N: n, F: quorum.Faulty(n), Mixnodes: rapid.IntRange(1, 12).Draw(t, "mixnodes")}
	for i := range rapid.IntRange(1, s.F+1).Draw(t, "liars") {
		s.Liars = append(s.Liars, i)
	}
	ways := []payout.Way{nil, nil}
	if lie.Adaptive {
		alone := rule{"single", func(n int) payout.Way { return payout.Single(n - 1) }}
		r := rapid.SampledFrom(append(rules(), alone)).Draw(t, "rule")
		ways = []payout.Way{r.way(n), r.way(n)}
	}
	begin := func(i int) Liars {
		s := s
		s.Judge = ways[i]
		return lie.Begin(s)
	}
	first, second := begin(0), begin(1)
	for epoch := 1; epoch <= rapid.IntRange(1, 30).Draw(t, "epochs"); epoch++ {
		measured := drawRows(t, s)
		rows, again := clone(measured), clone(measured)
		block := first.Report(epoch, rows)
		require.Equal(t, block, second.Report(epoch, again), "deterministic")
		require.Equal(t, rows, again, "deterministic")
		for i, row := range rows {
			if !slices.Contains(s.Liars, i) {
				require.Equal(t, measured[i], row, "row %d is honest", i)
				continue
			}
			require.True(t, row == nil || len(row) == len(measured[i]), "row %d", i)
			for _, v := range row {
				require.True(t, v.Valid(), v)
			}
		}
		r := payout.NewReports(s.Mixnodes, rows)
		if block != nil {
			require.Len(t, block, n)
			require.GreaterOrEqual(t, r.Only(block).Present(), min(n-s.F, r.Present()), "a block has n-f reports if there are as many")
		}
		for _, way := range ways {
			if way != nil {
				way.Settle(r.Only(block))
			}
		}
	}
}

// drawRows draws what all measure. Rows may be nil, and values missing.
func drawRows(t *rapid.T, s Scene) [][]metrics.Uptime {
	rows := make([][]metrics.Uptime, s.N)
	for i := range rows {
		if rapid.IntRange(0, 9).Draw(t, "present") == 0 {
			continue
		}
		rows[i] = make([]metrics.Uptime, s.Mixnodes)
		for j := range rows[i] {
			rows[i][j] = metrics.Uptime(rapid.IntRange(-1, int(metrics.Full)).Draw(t, "value"))
		}
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

func TestNamesOfLiesAreFound(t *testing.T) {
	names := map[string]bool{}
	for _, lie := range All() {
		require.False(t, names[lie.Name], lie.Name)
		names[lie.Name] = true
		found, ok := Find(lie.Name)
		require.True(t, ok)
		require.Equal(t, lie.Name, found.Name)
	}
	_, ok := Find("nothing")
	require.False(t, ok)
}
