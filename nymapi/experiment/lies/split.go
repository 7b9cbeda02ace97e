package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// beginSplit tells one half of the group 0 for every mixnode, and the other half 100. With
// Ephemera that proves who lies, but it does not spoil the epoch: of two reports by one member a
// block counts the first, so the block that wins has one of them, whichever its creator received.
// Where reports are paid without a block, the contract takes one of them as well. So a draw for
// each epoch says which half of the group wins, and with it what all liars reported.
func beginSplit(s Scene) Liars {
	return Func(func(epoch int, rows [][]metrics.Uptime) {
		value := metrics.Uptime(0)
		if s.Draw.With(drawSplit).With(uint64(epoch)).Below(2) == 1 {
			value = metrics.Full
		}
		s.replace(rows, func(int, int, metrics.Uptime) metrics.Uptime { return value })
	})
}
