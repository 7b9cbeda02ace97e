package lies

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// worst returns the greatest harm of any values of the liars from a domain, by mixnode: each liar
// may report another one.
func (a attack) worst(rows [][]metrics.Uptime, domain []metrics.Uptime) []float64 {
	rows = clone(rows)
	worst := slices.Repeat([]float64{math.Inf(-1)}, a.scene.Mixnodes)
	liars := a.scene.Liars
	chosen := make([]int, len(liars))
	for {
		for x, i := range liars {
			for j := range rows[i] {
				rows[i][j] = domain[chosen[x]]
			}
		}
		for j, harm := range a.judge(rows) {
			worst[j] = max(worst[j], harm)
		}
		x := 0
		for x < len(liars) && chosen[x] == len(domain)-1 {
			chosen[x], x = 0, x+1
		}
		if x == len(liars) {
			return worst
		}
		chosen[x]++
	}
}

// domain returns nothing and the values from 0 to 100 by that many hundredths of a percent.
func domain(by int) []metrics.Uptime {
	values := []metrics.Uptime{missing}
	for v := 0; v <= int(metrics.Full); v += by {
		values = append(values, metrics.Uptime(v))
	}
	return values
}

// TestMyopicIsTheWorst compares the search with all values that the liars could report, after some
// epochs for the history: exactly for monotone rules.
func TestMyopicIsTheWorst(t *testing.T) {
	for _, tt := range []struct {
		name  string
		sizes []int
		liars int
		step  int // of the liars' values
	}{
		{"one liar, each value of 7", []int{4, 7}, 1, 7},
		{"several liars, each value of 2000", []int{4, 5, 7}, 3, 2000},
	} {
		for _, r := range rules() {
			t.Run(tt.name+"/"+r.name, func(t *testing.T) {
				var found, exact float64
				rapid.Check(t, func(t *rapid.T) {
					s := drawScene(t, r, tt.sizes, 2)
					s.Liars = s.Liars[:min(tt.liars, len(s.Liars))]
					b, before := newMyopic(s), rapid.IntRange(0, 8).Draw(t, "before")
					play(t, s, b, before)
					rows := drawEpoch(t, s)
					a := b.attack(before+1, clone(rows))
					worst := sum(a.worst(rows, domain(tt.step)))
					if slices.Contains(monotone, r.name) {
						require.LessOrEqual(t, worst, a.total+rounding)
					}
					found, exact = found+a.total, exact+max(a.total, worst)
				})
				require.GreaterOrEqual(t, found, 0.9*exact)
				t.Logf("%.4f of the worst", found/exact)
			})
		}
	}
}
