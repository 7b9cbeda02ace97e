package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// drift is how much more a drifter understates in every epoch, in hundredths of a percent.
const drift = int(metrics.PerPoint) / 4

// beginDrifter understates by a bias that grows slowly, as an instrument that ages does: a rule
// that judges by the last epochs sees no sudden change.
func beginDrifter(s Scene) Liars {
	return Func(func(epoch int, rows [][]metrics.Uptime) {
		s.replace(rows, func(_, _ int, measured metrics.Uptime) metrics.Uptime {
			return shifted(measured, -drift*epoch)
		})
	})
}
