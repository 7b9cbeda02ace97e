package simulation_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// A correct member is away while the others go through later groups. When it is back, everything
// that is certified in the first group reaches it, however many groups followed (R9).
func TestMembersGetTheBlocksOfOldGroups(t *testing.T) {
	for _, later := range []int{1, 4, 5, 11, 30} {
		t.Run(fmt.Sprint(later), func(t *testing.T) {
			all := []int{0, 1, 2, 3}
			s := simulation.Schedule{
				Seed: 1, Nodes: 4, Members: all, Heal: 300_000, Deadline: 600_000, HandOver: 2500, Connect: true,
				Submissions: []simulation.Submission{{At: 1000, Node: 0, Size: 20}},
				Faults:      []simulation.Fault{{Kind: simulation.Crash, Node: 3, At: 500, For: 10_000 + 5000*int64(later)}},
			}
			for i := range later {
				s.Faults = append(s.Faults, simulation.Fault{Kind: simulation.NewGroup, Nodes: all, At: 3000 + int64(i)*5000, For: 100})
			}
			result, err := simulation.Run(s, simulation.Options{})
			require.NoError(t, err)
			require.Empty(t, result.Violations)
			require.Equal(t, 1, result.Stats.Blocks)
		})
	}
}
