package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// beginShave reports the second smallest honest value for each mixnode: within the noise, so it
// never stands out, and near enough to the middle to earn trust. With f liars the median then lies
// about one noise width too low, forever.
func beginShave(s Scene) Liars {
	return Func(func(_ int, rows [][]metrics.Uptime) {
		honest := s.HonestReports(rows)
		s.replace(rows, func(_, j int, measured metrics.Uptime) metrics.Uptime {
			column := honest.Column(j)
			if len(column) == 0 {
				return measured
			}
			return column[min(1, len(column)-1)]
		})
	})
}
