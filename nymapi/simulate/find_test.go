package simulate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// straddling counts blocks during whose broadcast the next epoch ends, so that their echoes come
// from members that are one epoch ahead.
type straddling struct {
	proposed map[block.Slot]int64 // microseconds
	seen     int
}

func (*straddling) Name() string { return "straddling" }

func (v *straddling) Observe(e simulation.Event) error {
	const epoch = findDuration * 1000
	switch at, known := v.proposed[e.Slot]; {
	case e.Kind == simulation.Proposed:
		v.proposed[e.Slot] = e.At
	case e.Kind == simulation.Certified && known:
		delete(v.proposed, e.Slot)
		if at/epoch < e.At/epoch && at/epoch < findEpochs {
			v.seen++
		}
	}
	return nil
}

func (*straddling) End() error { return nil }

// In many of the drawn days an epoch ends between proposal and echo.
func TestDrawnDaysOftenEndEpochsDuringABroadcast(t *testing.T) {
	const days = 40
	reached := 0
	for seed := range uint64(days) {
		day := drawDay(seed)
		v, options := &straddling{proposed: map[block.Slot]int64{}}, dayOptions(day)
		options.Invariants = append(options.Invariants, v)
		_, err := simulation.Run(day, options)
		require.NoError(t, err)
		if v.seen > 0 {
			reached++
		}
	}
	t.Logf("reached on %d of %d days", reached, days)
	require.Greater(t, reached, days/5)
}
