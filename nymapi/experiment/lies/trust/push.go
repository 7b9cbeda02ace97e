package trust

import (
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
)

// beginPush pushes the median away from the first f honest Nym-APIs, so that they lose weight. On
// the side opposite to theirs, the liars report the honest value that becomes the median if they
// all do, from which they do not deviate. Of an odd number of reports no lie moves the median
// further.
func beginPush(s lies.Scene) lies.Liars {
	framed := s.Honest()
	framed = framed[:min(s.F, len(framed))]
	return lies.Func(func(_ int, rows [][]metrics.Uptime) {
		honest := s.HonestReports(rows)
		for j := range s.Mixnodes {
			column := honest.Column(j)
			if len(column) > 0 {
				set(s, rows, j, pushed(column, len(s.Liars), above(rows, framed, j, metrics.Median(column))))
			}
		}
	})
}

// above reports whether the values of some Nym-APIs are above a value on average.
func above(rows [][]metrics.Uptime, of []int, mixnode int, value metrics.Uptime) bool {
	sum := 0
	for _, i := range of {
		if rows[i] != nil && rows[i][mixnode] != metrics.Missing {
			sum += int(rows[i][mixnode] - value)
		}
	}
	return sum > 0
}

// pushed returns the honest value that is the median of ascending honest values and as many copies
// of it as there are liars, at the lower or the upper end of what they reach.
func pushed(honest []metrics.Uptime, liars int, down bool) metrics.Uptime {
	middle := (len(honest) + liars - 1) / 2 // of all values, if all lies are above it
	if down {
		return honest[min(max(0, (len(honest)+liars)/2-liars), len(honest)-1)]
	}
	return honest[min(middle, len(honest)-1)]
}
