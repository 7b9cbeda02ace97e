package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// understated is how much less an understating Nym-API reports, in hundredths of a percent.
const understated = 12 * int(metrics.PerPoint)

// beginUnderstate reports less than was measured by the same amount everywhere.
func beginUnderstate(s Scene) Liars {
	return Func(func(_ int, rows [][]metrics.Uptime) {
		s.replace(rows, func(_, _ int, measured metrics.Uptime) metrics.Uptime {
			return shifted(measured, -understated)
		})
	})
}
