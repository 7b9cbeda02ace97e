package trust

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
)

// mimics are lies about a few mixnodes by liars that report the honest median for the others, so
// that a mean over all mixnodes hardly shows them.
func mimics() []Lie {
	var all []Lie
	for _, targets := range []int{2, 3, 4, 6, 12} {
		all = append(all, Lie{
			Lie: lies.Lie{
				Name:  fmt.Sprintf("mimic-%d", targets),
				About: fmt.Sprintf("report 0 for %d mixnodes and the honest median for the others", targets),
				Begin: beginMimic(targets),
			},
			Targets: targets,
		})
	}
	return all
}

func beginMimic(targets int) func(lies.Scene) lies.Liars {
	return func(s lies.Scene) lies.Liars {
		mimic := each(metrics.Median)(s)
		return lies.Func(func(epoch int, rows [][]metrics.Uptime) {
			mimic.Report(epoch, rows)
			for j := range min(targets, s.Mixnodes) {
				set(s, rows, j, 0)
			}
		})
	}
}
