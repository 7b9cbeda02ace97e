package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// constant returns how liars begin that report one value for every mixnode.
func constant(value metrics.Uptime) func(Scene) Liars {
	return func(s Scene) Liars {
		return Func(func(_ int, rows [][]metrics.Uptime) {
			s.replace(rows, func(int, int, metrics.Uptime) metrics.Uptime { return value })
		})
	}
}
