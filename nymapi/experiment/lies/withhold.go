package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// beginWithhold reports nothing about a tenth of the mixnodes, in every epoch. No value is false.
// But a column whose honest values have gaps falls below 2f+1 values without those of the liars, so
// it has no new value, and once the last one is older than the carry limit the mixnode is paid
// nothing.
func beginWithhold(s Scene) Liars {
	victims := s.victims(tenth)
	return Func(func(_ int, rows [][]metrics.Uptime) { s.replaceFor(rows, victims, metrics.Missing) })
}
