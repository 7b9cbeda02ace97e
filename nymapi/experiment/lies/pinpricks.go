package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// sixtieth is the share of the victims of pinpricks: 2 of 120 mixnodes.
const sixtieth = 60

// beginPinpricks reports 0 for so few mixnodes that a mean over all of them does not show it, and
// for the others the honest median, to be trusted.
func beginPinpricks(s Scene) Liars {
	victims := s.victims(sixtieth)
	return Func(func(_ int, rows [][]metrics.Uptime) {
		s.mimic(rows)
		s.replaceFor(rows, victims, 0)
	})
}
