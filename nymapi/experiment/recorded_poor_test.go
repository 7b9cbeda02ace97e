package experiment

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/seattle"
)

// TestPoorHonestObserversOfSeattleLoseWeight plays the last cell of the trace.
func TestPoorHonestObserversOfSeattleLoseWeight(t *testing.T) {
	tr, err := seattle.Trace()
	require.NoError(t, err)
	s, err := Recorded("seattle", "A trace.", tr)
	require.NoError(t, err)
	cells := s.Cells()
	c := cells[len(cells)-1]
	require.Equal(t, "n09 n11", c.Level)
	outcomes, err := s.Play(c, 1)
	require.NoError(t, err)
	for _, o := range outcomes {
		if o.Way == "wmedian" {
			require.Less(t, o.Weights.Poorest, 0.3)
			require.Greater(t, o.Weights.FalseAlarms, 0.15, "two of ten")
		}
	}
	tr.Observers[slices.Index(tr.Observers, "n09")] = "another"
	s, err = Recorded("trace", "A trace.", tr)
	require.NoError(t, err)
	for _, c := range s.Cells() {
		require.Empty(t, c.Factor)
	}
}
