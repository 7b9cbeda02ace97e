package observe

import (
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// Outages is a hoster of the chosen observers that is down in a share of the epochs. None of them
// reports then.
func Outages(chosen []bool, share float64) Effect {
	return func(o Observations, seed draw.State) Observations {
		values := make([][][]metrics.Uptime, len(o.Values))
		for e, rows := range o.Values {
			values[e] = rows
			if !happens(seed.With(drawOutage).With(uint64(e)), share) {
				continue
			}
			values[e] = make([][]metrics.Uptime, len(rows))
			for i, row := range rows {
				if !chosen[i] {
					values[e][i] = row
				}
			}
		}
		o.Values = values
		return o
	}
}
