package lies

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// monotone names the ways of deciding in which a payment never falls when a reported value rises.
// With these, 0 and 100 by all liars are the worst values: between them lies every other payment
// that the same liars can cause.
var monotone = []string{"mean", "median", "lowmedian", "trimmed", "wmedian", "performance"}

// few is how many of the [candidates] are tried for each block.
func few(way string) int {
	if slices.Contains(monotone, way) {
		return 3
	}
	return 5
}

// candidates returns the values that liars try for a mixnode with these ascending honest values:
// 0, 100 and nothing, and where these need not be the worst also the values at the cut-offs of mad,
// and the outer honest values. There are as many for each column.
func candidates(way string, honest []metrics.Uptime, liars int) []metrics.Uptime {
	values := []metrics.Uptime{0, metrics.Full, metrics.Missing}
	if slices.Contains(monotone, way) {
		return values
	}
	low, high := cutOffs(honest, liars)
	values = append(values, low, high)
	if last := len(honest) - 1; last >= 0 {
		return append(values, honest[0], honest[min(1, last)], honest[max(0, last-1)], honest[last])
	}
	return append(values, 0, 0, 0, 0)
}

// cutOffs returns the smallest and the largest value that mad counts if all liars report it, the
// honest values lie between them, and no rounding is done: see [metrics.Estimators] for the rule.
func cutOffs(honest []metrics.Uptime, liars int) (low, high metrics.Uptime) {
	sorted := append(make([]metrics.Uptime, liars, liars+len(honest)), honest...)
	middle, bound := madBound(sorted)
	// 20000 (middle - 2 low) <= bound, for the doubled middle.
	low = metrics.Uptime(max(0, 20000*middle-bound+39999) / 40000)

	sorted = append(slices.Clone(honest), slices.Repeat([]metrics.Uptime{metrics.Full}, liars)...)
	middle, bound = madBound(sorted)
	high = metrics.Uptime(min(int64(metrics.Full), (bound+20000*middle)/40000))
	return low, high
}

// madBound returns twice the median of at least one ascending value, and the bound of mad for 20000
// times a doubled distance from it.
func madBound(sorted []metrics.Uptime) (middle, bound int64) {
	n := len(sorted)
	middle = int64(sorted[(n-1)/2]) + int64(sorted[n/2])
	distances := make([]int64, n)
	for i, v := range sorted {
		distances[i] = max(2*int64(v)-middle, middle-2*int64(v))
	}
	slices.Sort(distances)
	return middle, 3 * max(14826*(distances[(n-1)/2]+distances[n/2]), 4*10000*2*int64(metrics.PerPoint))
}
