package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// A turncoat copies for some epochs of a period, and attacks for the rest.
const (
	turncoatCopies  = 22
	turncoatAttacks = 3
)

// beginTurncoat copies one honest Nym-API until the history has forgotten the last attack, and then
// reports 0 for every mixnode for a few epochs, again and again.
func beginTurncoat(s Scene) Liars {
	chosen := s.chosen(1)
	return Func(func(epoch int, rows [][]metrics.Uptime) {
		if (epoch-1)%(turncoatCopies+turncoatAttacks) < turncoatCopies {
			s.copyFrom(rows, chosen)
			return
		}
		s.replace(rows, func(int, int, metrics.Uptime) metrics.Uptime { return 0 })
	})
}
