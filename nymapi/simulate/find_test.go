package simulate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// turns sees blocks during whose broadcast the next epoch ends, so that the echoes come from
// members that are an epoch ahead.
type turns struct {
	proposed map[block.Slot]int64 // microseconds
	seen     int
}

func (*turns) Name() string { return "turns" }

func (v *turns) Observe(e simulation.Event) error {
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

func (*turns) End() error { return nil }

// Epochs turn between proposal and echo in a good part of the days that the search draws.
func TestTheSearchOftenTurnsEpochsDuringABroadcast(t *testing.T) {
	const days = 40
	reached := 0
	for seed := range uint64(days) {
		day := drawDay(seed)
		v, options := &turns{proposed: map[block.Slot]int64{}}, dayOptions(day)
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
