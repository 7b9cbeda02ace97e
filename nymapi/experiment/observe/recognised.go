package observe

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// Recognised is a share of the mixnodes that recognise the chosen observers, serve them without any
// loss, and drop the packets of everybody else. The truth about them is 0, which users get.
func Recognised(chosen []bool, share float64) Effect {
	return func(o Observations, seed draw.State) Observations {
		cheats := o.some(seed.With(drawRecognised), share)
		truth := make([][]float64, len(o.Truth))
		for e := range truth {
			truth[e] = slices.Clone(o.Truth[e])
			for j, cheat := range cheats {
				if cheat {
					truth[e][j] = 0
				}
			}
		}
		o = o.replace(func(_, observer, mixnode int, value metrics.Uptime) metrics.Uptime {
			switch {
			case value == metrics.Missing || !cheats[mixnode]:
				return value
			case chosen[observer]:
				return metrics.Full
			}
			return 0
		})
		o.Truth = truth
		return o
	}
}
