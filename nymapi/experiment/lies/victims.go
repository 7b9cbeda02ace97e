package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// beginVictims reports 0 for a tenth of the mixnodes. Nothing else looks suspicious.
func beginVictims(s Scene) Liars {
	victims := s.victims()
	return liarsFunc(func(_ int, rows [][]metrics.Uptime) {
		for _, i := range s.Liars {
			for _, j := range victims {
				rows[i][j] = 0
			}
		}
	})
}
