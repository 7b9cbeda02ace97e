package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// beginVictims reports 0 for a tenth of the mixnodes. Nothing else looks suspicious.
func beginVictims(s Scene) Liars {
	victims := s.victims(tenth)
	return Func(func(_ int, rows [][]metrics.Uptime) { s.replaceFor(rows, victims, 0) })
}
