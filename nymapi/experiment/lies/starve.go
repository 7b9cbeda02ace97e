package lies

import (
	"math"

	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// starving is the choice between two ways of hurting one mixnode. Liars can always have a wrong
// value paid. In some epochs they can also leave its column with too few values: then the last
// value is carried, which hurts little, but once it is too old the mixnode is paid nothing, which
// hurts most. Harms are distances from the right value for one epoch. Starving in further epochs
// is possible with probability p in each.
type starving struct {
	wrong   float64 // harm of the worst value that can be paid
	carried float64 // harm of the value that is carried
	unpaid  float64 // harm of no payment
	p       float64
}

// almostCertain is the largest p, so that no sequence of epochs is infinite.
const almostCertain = 0.999

// price returns what starving is worth in an epoch in which a carried value would be age epochs
// old, 1 or more, as the harm of a wrong value that is worth the same. It is the optimal stopping
// of the liars' average harm over many epochs: the gain of the best policy is that of always lying
// or of always starving where possible, because a value ages only by starving.
func (s starving) price(age int) float64 {
	s.p = min(s.p, almostCertain)
	p, gain := s.p, max(s.wrong, s.always())
	lie := s.wrong - gain // relative to the gain, as all values from here on
	starve := (s.unpaid-gain)/(1-p) + lie
	for a := payout.CarryLimit; a >= age; a-- {
		starve = s.carried - gain + p*max(lie, starve) + (1-p)*lie
	}
	return starve + gain
}

// always returns the average harm of starving wherever possible: in all epochs of which the last
// ones, as many as a value is carried, could be starved too, nothing is paid.
func (s starving) always() float64 {
	unpaid := math.Pow(s.p, payout.CarryLimit+1)
	return (1-s.p)*s.wrong + (s.p-unpaid)*s.carried + unpaid*s.unpaid
}
