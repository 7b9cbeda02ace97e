package lies

import (
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// beginWinner reports what hurts most through a block that the liars choose: one of them wins every
// epoch. A block may leave out honest reports as long as n-f remain. A valid block with n-f reports
// has 2f+1 of them where n is 3f+1, so liars in it that report nothing about a mixnode leave its
// column with too few values, whatever the others report.
//
// Which reports to leave out is searched greedily, one after the other, as long as the total harm
// grows: a lower bound of what the worst block does. The cost is that of [best], and [extremes]
// scores for each block that is tried: up to (n-k) + (n-k-1) + … of f terms, for k liars.
func beginWinner(s Scene) Liars {
	b := newBest(s)
	b.choosesBlock = true
	return b
}

// choose returns the block that hurts most, nil for all reports.
func (b *best) choose(epoch int, rows [][]metrics.Uptime, honest payout.Reports) []bool {
	present := payout.NewReports(b.scene.Mixnodes, rows).Present()
	most := min(present-(b.scene.N-b.scene.F), b.scene.F, honest.Present())
	if payout.Alone(b.scene.Judge) || most <= 0 || present == honest.Present() {
		b.observe(b.try(rows, nil, honest, true))
		return nil
	}
	b.observe(b.try(rows, b.leave(rows, most), honest, true))
	block := b.leave(rows, 0)
	total := b.decide(epoch, b.try(rows, block, honest, true), honest)
	for range most {
		worst := -1
		for _, i := range b.scene.honest() {
			if !block[i] {
				continue
			}
			block[i] = false
			if harm := b.decide(epoch, b.try(rows, block, honest, true), honest); harm > total {
				worst, total = i, harm
			}
			block[i] = true
		}
		if worst < 0 {
			break
		}
		block[worst] = false
	}
	return block
}

// leave returns a block of all reports but the first honest ones.
func (b *best) leave(rows [][]metrics.Uptime, out int) []bool {
	block := make([]bool, b.scene.N)
	for _, i := range b.scene.Liars {
		block[i] = rows[i] != nil
	}
	for _, i := range b.scene.honest() {
		if rows[i] == nil {
			continue
		}
		if out > 0 {
			out--
			continue
		}
		block[i] = true
	}
	return block
}
