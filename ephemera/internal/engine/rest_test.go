package engine_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// A member that claims blocks in all old groups, again and again, does not make anybody hold more
// of them in memory than a few, or load more than a few in a second (R9).
func TestLiesAboutOldGroupsCostLittle(t *testing.T) {
	const groups, liar = 12, 1
	c := newCluster(t, 4, engine.Config{}, membership.Limits{})
	for i := range 4 {
		c.start(i)
	}
	lies := uint64(9)
	lie := func() {
		lies++
		for _, group := range c.groups {
			f := wire.Frontier{Group: group.ID(), Certified: slices.Repeat([]uint64{lies}, 4)}
			c.step(0, engine.Received{From: c.keys[liar].Public(), Frame: wire.AssumeVerified(f)})
		}
	}
	for number := uint64(2); number <= groups; number++ {
		group, err := membership.NewGroup(network, number, c.group.Members(), membership.Limits{})
		require.NoError(t, err)
		c.groups = append(c.groups, group)
		for i := range 4 {
			c.step(i, engine.Adopt{Group: group})
		}
		lie()
		c.advance(1000, false)
	}
	loads := 0
	c.observe = func(m *member, effect engine.Effect) {
		if _, ok := effect.(engine.LoadGroup); ok && m.place == 0 {
			loads++
		}
	}
	const seconds = 120
	for second := range seconds {
		lie()
		c.advance(1000, false)
		held := 0
		for _, group := range c.groups[:groups-1] {
			if _, known := c.members[0].engine.Status(group.ID()); known {
				held++
			}
		}
		if second > 15 { // those that were closed last had their turn
			require.LessOrEqual(t, held, 4, "second %d", second)
		}
	}
	require.Positive(t, loads)
	require.LessOrEqual(t, loads, seconds)

	loads = 0
	for i := range 20 * 100 { // a hundred times a second
		group := c.groups[i%(groups-1)]
		f := wire.Frontier{Group: group.ID(), Certified: make([]uint64, 4), Evidence: []uint32{2}}
		c.step(0, engine.Received{From: c.keys[liar].Public(), Frame: wire.AssumeVerified(f)})
		c.advance(10, false)
	}
	require.Positive(t, loads)
	require.LessOrEqual(t, loads, 20*10)
}
