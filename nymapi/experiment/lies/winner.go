package lies

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// beginWinner reports what hurts most through a block that the liars choose: one of them wins
// every epoch. A block may leave out honest reports as long as n-f remain. A valid block with n-f
// reports has 2f+1 of them where n is 3f+1, so liars in it that report nothing about a mixnode
// leave its column with too few values, whatever the others report.
//
// Which reports to leave out is searched greedily, one after the other, and the worst of these
// blocks is taken: a lower bound of what the worst block does. The cost is that of [myopic], and
// for each block that is tried a [payout.Way.Score] for each of a [few] candidates: 3 x 18 blocks
// of 10 Nym-APIs with 3 liars.
func beginWinner(s Scene) Liars {
	m := newMyopic(s)
	m.choosesBlock = true
	return m
}

// choose returns the block that hurts most, nil for all reports.
func (m *myopic) choose(epoch int, rows [][]metrics.Uptime, honest payout.Reports) []bool {
	present := payout.NewReports(m.scene.Mixnodes, rows).Present()
	most := min(present-(m.scene.N-m.scene.F), m.scene.F, honest.Present())
	if payout.Alone(m.scene.Judge) || most <= 0 || present == honest.Present() {
		m.observe(m.try(rows, nil, honest, true))
		return nil
	}
	m.observe(m.try(rows, m.leave(rows, most), honest, true))
	block := m.leave(rows, 0)
	chosen, total := slices.Clone(block), m.harm(epoch, rows, block, honest)
	for range most {
		harm := m.leaveWorst(epoch, rows, block, honest)
		if harm > total {
			chosen, total = slices.Clone(block), harm
		}
	}
	return chosen
}

// leaveWorst removes from a block the honest report without which liars hurt most, and returns that
// harm.
func (m *myopic) leaveWorst(epoch int, rows [][]metrics.Uptime, block []bool, honest payout.Reports) (harm float64) {
	worst := -1
	for _, i := range m.scene.Honest() {
		if !block[i] {
			continue
		}
		block[i] = false
		if without := m.harm(epoch, rows, block, honest); worst < 0 || without > harm {
			worst, harm = i, without
		}
		block[i] = true
	}
	block[worst] = false
	return harm
}

// harm returns the total harm that a thin search finds with a block.
func (m *myopic) harm(epoch int, rows [][]metrics.Uptime, block []bool, honest payout.Reports) float64 {
	return m.decide(epoch, m.try(rows, block, honest, true), honest)
}

// leave returns a block of all reports but the first honest ones.
func (m *myopic) leave(rows [][]metrics.Uptime, out int) []bool {
	block := make([]bool, m.scene.N)
	for _, i := range m.scene.Liars {
		block[i] = rows[i] != nil
	}
	for _, i := range m.scene.Honest() {
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
