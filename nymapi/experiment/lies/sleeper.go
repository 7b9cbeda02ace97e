package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// asleep is the number of epochs in which a sleeper earns trust.
const asleep = 15

// beginSleeper reports the honest median for some epochs, which no honest Nym-API is as close to,
// and then 0 for every mixnode: it spends the trust that it earned.
func beginSleeper(s Scene) Liars {
	return Func(func(epoch int, rows [][]metrics.Uptime) {
		if epoch <= asleep {
			s.mimic(rows)
			return
		}
		s.replace(rows, func(int, int, metrics.Uptime) metrics.Uptime { return 0 })
	})
}
