package experiment

import "github.com/ephemera-go/nym-rewarding/nymapi/payout"

// Score returns the figures of payments: paid[e] is what the mixnodes are paid in epoch e, nil if
// the epoch is missed, and truth[e] is what is right, in points, NaN where it is unknown.
func Score(paid [][]payout.Payment, truth [][]float64) Figures {
	var s scorer
	for e, payments := range paid {
		s.add(payments, truth[e])
	}
	return s.figures()
}
