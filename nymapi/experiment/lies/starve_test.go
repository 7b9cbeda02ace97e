package lies

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// gains returns the average harm of liars that starve, where possible, a column whose carried value
// is at least that old, and lie otherwise: by the stationary distribution of the age.
func (s starving) gain(from int) float64 {
	oldest := payout.CarryLimit + 1
	if from > 1 {
		return s.wrong // ages only grow by starving
	}
	var total float64
	for age := 1; age <= oldest; age++ {
		share := math.Pow(s.p, float64(age-1)) * (1 - s.p)
		if age == oldest {
			share = math.Pow(s.p, float64(age-1))
		}
		hurts := s.carried
		if age == oldest {
			hurts = s.unpaid
		}
		total += share * (s.p*hurts + (1-s.p)*s.wrong)
	}
	return total
}

// TestStarvingPaysWhereItsAverageIsHigher compares the choice after a fresh value with the averages
// of both policies.
func TestStarvingPaysWhereItsAverageIsHigher(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := starving{
			wrong:   rapid.Float64Range(0, 10000).Draw(t, "wrong"),
			carried: rapid.Float64Range(0, 10000).Draw(t, "carried"),
			unpaid:  rapid.Float64Range(0, 10000).Draw(t, "unpaid"),
			p:       rapid.Float64Range(0, 0.99).Draw(t, "p"),
		}
		always, never := s.gain(1), s.gain(2)
		if math.Abs(always-never) < 1 || s.p < 0.01 {
			return
		}
		if s.carried > s.wrong { // starving is better at once
			require.Greater(t, s.price(1), s.wrong)
			return
		}
		require.Equal(t, always > never, s.price(1) > s.wrong, "always %f, never %f, price %f", always, never, s.price(1))
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
