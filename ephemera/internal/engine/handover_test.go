package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// A closed group is kept until the application has accepted its last block, however many groups
// follow and across restarts (R9). Then only the store remembers it.
func TestGroupsAreKeptUntilTheirBlocksAreDelivered(t *testing.T) {
	const groups = 9
	c := newCluster(t, 1, engine.Config{}, membership.Limits{})
	m := c.members[0]
	m.failing = true
	c.start(0)
	c.submit(0, "late")
	for number := uint64(2); number <= groups; number++ {
		group, err := membership.NewGroup(network, number, c.group.Members(), membership.Limits{})
		require.NoError(t, err)
		c.groups = append(c.groups, group)
		c.step(0, engine.Adopt{Group: group})
		c.advance(1000, false)
		if number == groups/2 {
			c.stop(0)
			c.start(0)
		}
	}
	status, known := m.engine.Status(c.group.ID())
	require.True(t, known)
	require.True(t, status.Closed)
	require.Equal(t, []uint64{1}, status.Heights)
	require.Equal(t, []uint64{0}, status.Delivered)

	m.failing = false
	c.advance(60_000, false)
	require.Len(t, m.delivered, 1)
	require.EqualValues(t, 1, c.stored(0).Chains[0].Delivered)
	_, known = m.engine.Status(c.group.ID())
	require.False(t, known)
}
