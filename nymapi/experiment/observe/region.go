package observe

import (
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// Region is a share of the mixnodes that the chosen observers do not reach, and know that they do
// not: they report no value for them.
func Region(chosen []bool, share float64) Effect {
	return func(o Observations, seed draw.State) Observations {
		inside := o.some(seed.With(drawRegion), share)
		return o.replace(func(_, observer, mixnode int, value metrics.Uptime) metrics.Uptime {
			if chosen[observer] && inside[mixnode] {
				return metrics.Missing
			}
			return value
		})
	}
}
