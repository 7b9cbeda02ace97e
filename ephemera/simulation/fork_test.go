package simulation_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// Of the schedules in which more than f members sign double, many end with two certificates of one
// slot at correct members. All of these stop the chain, name the double signers, and continue with
// the other chains; the checker sees to that.
func TestForksRaiseTheAlarmAtEveryCorrectMember(t *testing.T) {
	drawn, stopped := 0, 0
	for seed := range uint64(1500) {
		schedule := simulation.Draw(seed, simulation.Range{RealEvery: -1})
		if !schedule.Fork {
			continue
		}
		drawn++
		result := run(t, schedule)
		if result.Stats.Forks > 0 {
			stopped++
		}
	}
	t.Logf("%d of %d schedules with a fork", stopped, drawn)
	require.Greater(t, stopped, drawn/5)
}
