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

// A correct member is away while the others go through later groups, and its provider knows only
// the newest. It gets the blocks of all groups in which it was a member, although an impostor
// describes groups that do not exist.
func TestMembersFindTheGroupsThatTheySkipped(t *testing.T) {
	for _, later := range []int{2, 5, 11} {
		t.Run(fmt.Sprint(later), func(t *testing.T) {
			s := simulation.Schedule{
				Seed: 1, Nodes: 5, Members: []int{0, 1, 2, 3}, Heal: 300_000, Deadline: 600_000, HandOver: 2500, Skips: []int{3},
				Byzantine: []simulation.Placement{{Node: 2, Adversary: "impostor"}},
				Faults:    []simulation.Fault{{Kind: simulation.Crash, Node: 3, At: 500, For: 10_000 + 5000*int64(later)}},
			}
			for i := range later {
				members := []int{0, 1, 2, 3, 4}
				if i%2 == 0 {
					members = []int{0, 1, 2, 4} // without the one that is away
				}
				s.Faults = append(s.Faults, simulation.Fault{Kind: simulation.NewGroup, Nodes: members, At: 3000 + int64(i)*5000, For: 100})
				s.Submissions = append(s.Submissions, simulation.Submission{At: 4000 + int64(i)*5000, Node: 0, Size: 20})
			}
			result, err := simulation.Run(s, simulation.Options{})
			require.NoError(t, err)
			require.Empty(t, result.Violations)
			require.Equal(t, later, result.Stats.Blocks)
		})
	}
}
