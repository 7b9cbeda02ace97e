package trust

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
)

// beginRepeat repeats the first honest Nym-API, so that the others seem to be far from the median.
// With the report that is repeated, f+1 are equal.
func beginRepeat(s lies.Scene) lies.Liars {
	return report(func(_ int, rows [][]metrics.Uptime) { repeat(s, rows, honest(s)) })
}

// beginJoin repeats the last honest Nym-API. A cell may give it a bias that another one shares.
func beginJoin(s lies.Scene) lies.Liars {
	return report(func(_ int, rows [][]metrics.Uptime) {
		backwards := honest(s)
		slices.Reverse(backwards)
		repeat(s, rows, backwards)
	})
}

// beginRepeatThenZero earns trust by repeating an honest Nym-API, and spends it.
func beginRepeatThenZero(wakes int) func(lies.Scene) lies.Liars {
	return func(s lies.Scene) lies.Liars {
		return report(func(epoch int, rows [][]metrics.Uptime) {
			if epoch < wakes {
				repeat(s, rows, honest(s))
				return
			}
			for j := range s.Mixnodes {
				set(s, rows, j, 0)
			}
		})
	}
}

// honest returns the honest Nym-APIs, ascending.
func honest(s lies.Scene) []int {
	var all []int
	for i := range s.N {
		if !slices.Contains(s.Liars, i) {
			all = append(all, i)
		}
	}
	return all
}

// repeat replaces the rows of the liars by that of the first of these Nym-APIs that reports.
func repeat(s lies.Scene, rows [][]metrics.Uptime, of []int) {
	for _, i := range of {
		if rows[i] == nil {
			continue
		}
		for _, liar := range s.Liars {
			copy(rows[liar], rows[i])
		}
		return
	}
}
