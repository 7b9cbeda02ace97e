package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// noise is the largest error of a noisy Nym-API, in hundredths of a percent.
const noise = 20 * int(metrics.PerPoint)

// beginNoisy adds a uniform error to every value, as a bad instrument does. Liars err
// independently.
func beginNoisy(s Scene) Liars {
	return Func(func(epoch int, rows [][]metrics.Uptime) {
		s.replace(rows, func(i, j int, measured metrics.Uptime) metrics.Uptime {
			at := s.Draw.With(drawNoise).With(uint64(epoch)).With(uint64(i)).With(uint64(j))
			return shifted(measured, int(at.Below(2*uint64(noise)+1))-noise)
		})
	})
}
