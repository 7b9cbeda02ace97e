package lies

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// average returns the average harm of starving wherever possible, by the stationary distribution of
// the age that the carried value would have.
func (s starving) average() (total float64) {
	oldest := payout.CarryLimit + 1
	for age := 1; age <= oldest; age++ {
		share, hurts := math.Pow(s.p, float64(age-1))*(1-s.p), s.carried
		if age == oldest {
			share, hurts = math.Pow(s.p, float64(age-1)), s.unpaid
		}
		total += share * (s.p*hurts + (1-s.p)*s.wrong)
	}
	return total
}

// play returns the average harm of liars that starve a column by the price, in many epochs.
func (s starving) play(epochs int) (average float64) {
	age := 1
	for epoch := range epochs {
		if float64(draw.State(1).With(uint64(epoch)).Fraction()) < s.p*draw.One && s.price(age) > s.wrong {
			if age > payout.CarryLimit {
				average += s.unpaid / float64(epochs)
			} else {
				average += s.carried / float64(epochs)
			}
			age = min(age+1, payout.CarryLimit+1)
			continue
		}
		average, age = average+s.wrong/float64(epochs), 1
	}
	return average
}

// TestStarvingIsChosenWhereItPays compares the choice with the averages of both policies.
func TestStarvingIsChosenWhereItPays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := starving{
			wrong:   rapid.Float64Range(0, 10000).Draw(t, "wrong"),
			carried: rapid.Float64Range(0, 10000).Draw(t, "carried"),
			unpaid:  rapid.Float64Range(0, 10000).Draw(t, "unpaid"),
			p:       rapid.Float64Range(0, 0.99).Draw(t, "p"),
		}
		require.InDelta(t, s.average(), s.always(), rounding)
		s.carried = min(s.carried, s.wrong)
		if best := max(s.wrong, s.average()); best > 0 {
			require.InDelta(t, best, s.play(2000), 0.1*best+100)
		}
	})
}

func TestStarvingIsWorthMoreTheOlderTheValue(t *testing.T) {
	s := starving{wrong: 300, carried: 100, unpaid: 9800, p: 0.5}
	require.Greater(t, s.price(4), s.price(3))
	require.Greater(t, s.price(3), s.price(2))
	s.p = 0
	require.Equal(t, 9800.0, s.price(4), "now, and never again")
	require.Equal(t, 100.0, s.price(1))
}
