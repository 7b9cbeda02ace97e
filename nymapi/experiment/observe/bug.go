package observe

import (
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// Bug is a fault of the software that the chosen observers run: they report half of what they
// measure for a share of the mixnodes, the same ones for all and in every epoch.
func Bug(chosen []bool, share float64) Effect {
	return func(o Observations, seed draw.State) Observations {
		wrong := o.some(seed.With(drawBug), share)
		return o.replace(func(_, observer, mixnode int, value metrics.Uptime) metrics.Uptime {
			if value != metrics.Missing && chosen[observer] && wrong[mixnode] {
				return value / 2
			}
			return value
		})
	}
}
