package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// beginCopier repeats what one honest Nym-API reports, always the same one. Where it does not
// report, liars report what they measured. Nothing is false, but the errors of that one count
// several times, the others look bad next to it, and its copies earn the trust that it does.
func beginCopier(s Scene) Liars {
	chosen := s.chosen(1)
	return Func(func(_ int, rows [][]metrics.Uptime) { s.copyFrom(rows, chosen) })
}

// copyFrom replaces what all liars measured by the report of one Nym-API, if it reports.
func (s Scene) copyFrom(rows [][]metrics.Uptime, chosen []int) {
	for _, i := range s.Liars {
		for _, from := range chosen {
			copyRow(rows[i], rows[from])
		}
	}
}
