package payout

import (
	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// monitors pays what Nym's performance contract pays if all that monitors measure is liveness.
type monitors struct {
	weights performance.Weights
	carry   *carry
	scores  []metrics.Uptime
	percent []performance.Percent
}

// Performance returns the way in which Nym's performance contract decides: each Nym-API submits by
// itself what it measured, in integer percents, and a mixnode is paid the median of what there is,
// or of the newest epoch that had a value, up to 24 epochs ago. Liveness has all the weight, and
// everybody submits a config of 100. It needs no minimum of Nym-APIs, so it misses no epoch. Its
// name is performance.
//
// It is the contract of package performance with an admin that removes nothing.
func Performance() Way {
	return &monitors{weights: performance.LivenessOnly(), carry: newCarry(performance.LookBack)}
}

func (m *monitors) Name() string { return "performance" }

func (m *monitors) Score(r Reports) []metrics.Uptime {
	m.scores = m.scores[:0]
	config := [1]performance.Percent{performance.Full} // the median of equal values
	for j := range r.Mixnodes() {
		m.percent = m.percent[:0]
		for _, value := range r.Column(j) { // rounding keeps the order
			m.percent = append(m.percent, performance.PercentOf(value))
		}
		bundle := performance.Bundle{performance.Liveness: m.percent, performance.Config: config[:]}
		m.scores = append(m.scores, m.weights.Score(bundle.Medians()).Uptime())
	}
	return m.scores
}

func (m *monitors) Settle(r Reports) []Payment { return m.carry.fill(m.Score(r)) }
