package trust

import (
	"fmt"
	"math"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// widths are lies that take off a multiple of the noise of honest reports. wmedian tolerates a
// deviation of 1.5 times that of the others.
func widths() []Lie {
	var all []Lie
	for _, width := range []float64{1, 1.4, 1.6, 2} {
		all = append(all, Lie{
			Lie: lies.Lie{
				Name:  fmt.Sprintf("width-%g", width),
				About: fmt.Sprintf("report the honest median less %g times the noise of honest reports", width),
				Begin: beginWidth(width),
			},
		})
	}
	return all
}

// beginWidth estimates the noise from the honest reports of the epoch: it is the root of their mean
// squared distance from the medians of their columns. No liar reports less than 0.
func beginWidth(width float64) func(lies.Scene) lies.Liars {
	return func(s lies.Scene) lies.Liars {
		return lies.Func(func(_ int, rows [][]metrics.Uptime) {
			honest := s.HonestReports(rows)
			off := metrics.Uptime(width * noise(honest))
			for j := range s.Mixnodes {
				if honest := honest.Column(j); len(honest) > 0 {
					set(s, rows, j, max(0, metrics.Median(honest)-off))
				}
			}
		})
	}
}

// noise returns the root mean squared distance of honest reports from the medians of their columns,
// in hundredths of a percent.
func noise(honest payout.Reports) float64 {
	squares, count := 0.0, 0
	for j := range honest.Mixnodes() {
		column := honest.Column(j)
		if len(column) == 0 {
			continue
		}
		middle := metrics.Median(column)
		for _, v := range column {
			squares += float64(v-middle) * float64(v-middle)
			count++
		}
	}
	return math.Sqrt(squares / float64(max(count, 1)))
}
