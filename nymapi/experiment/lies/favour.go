package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// beginFavour reports 100 for a tenth of the mixnodes, the liars' own ones.
func beginFavour(s Scene) Liars {
	friends := s.victims(tenth)
	return Func(func(_ int, rows [][]metrics.Uptime) { s.replaceFor(rows, friends, metrics.Full) })
}
