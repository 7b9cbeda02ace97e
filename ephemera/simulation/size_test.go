package simulation_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// sizes sees the largest block of a correct member, and how many blocks a member took in a row that
// others had before it started.
type sizes struct {
	largest int
	behind  int
	highest map[chain]uint64
}

type chain struct {
	slot block.Slot // of height 0
}

func (*sizes) Name() string { return "sizes" }

func (v *sizes) Observe(e simulation.Event) error {
	c := chain{e.Slot}
	c.slot.Height = 0
	switch e.Kind {
	case simulation.Certified:
		v.largest = max(v.largest, len(e.Block.Block.Messages))
		v.behind = max(v.behind, int(v.highest[c]-min(v.highest[c], e.Slot.Height-1)))
		v.highest[c] = max(v.highest[c], e.Slot.Height)
	}
	return nil
}

func (*sizes) End() error { return nil }

// The search draws blocks of as many messages as the group allows, and members that miss more
// blocks of a chain than one answer holds.
func TestTheSearchDrawsFullBlocksAndLongChains(t *testing.T) {
	full, long := 0, 0
	for seed := range uint64(4000) {
		schedule := simulation.Draw(seed, simulation.Range{RealEvery: -1})
		if len(schedule.Submissions) < 80 {
			continue
		}
		v := &sizes{highest: map[chain]uint64{}}
		_, err := simulation.Run(schedule, simulation.Options{Invariants: []simulation.Invariant{v}})
		require.NoError(t, err)
		if v.largest >= 64 {
			full++
		}
		if v.behind > wire.MaxBlocks {
			long++
		}
	}
	t.Logf("%d schedules with full blocks, %d with a member that misses more than %d", full, long, wire.MaxBlocks)
	require.Positive(t, full)
	require.Positive(t, long)
}
