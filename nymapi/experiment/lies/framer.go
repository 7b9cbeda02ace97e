package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// beginFramer pushes the median away from f honest Nym-APIs, always the same ones, so that they
// look wrong and lose weight: for each mixnode, liars report the largest honest value if the
// framed ones are below the honest median, and otherwise the smallest. No value is outside the
// honest ones.
func beginFramer(s Scene) Liars {
	framed := s.chosen(s.F)
	return Func(func(_ int, rows [][]metrics.Uptime) {
		honest := s.HonestReports(rows)
		s.replace(rows, func(_, j int, measured metrics.Uptime) metrics.Uptime {
			column := honest.Column(j)
			if len(column) == 0 {
				return measured
			}
			if below(rows, framed, j, metrics.Median(column)) {
				return column[len(column)-1]
			}
			return column[0]
		})
	})
}

// below reports whether the mean of what some Nym-APIs report is below a value.
func below(rows [][]metrics.Uptime, some []int, j int, value metrics.Uptime) bool {
	var sum int
	for _, i := range some {
		if rows[i] != nil && rows[i][j] != metrics.Missing {
			sum += int(rows[i][j] - value)
		}
	}
	return sum < 0
}
