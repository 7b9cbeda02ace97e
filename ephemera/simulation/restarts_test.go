package simulation_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// orphaned counts slots whose creator is silent after it proposed and before anybody has a
// certificate, while all other members that are not Byzantine restart: what was signed is only in
// stores.
type orphaned struct {
	nodes int // that are not Byzantine
	open  map[block.Slot]map[int]bool
	seen  int
}

func (*orphaned) Name() string { return "orphaned" }

func (v *orphaned) Observe(e simulation.Event) error {
	switch e.Kind {
	case simulation.Proposed:
		v.open[e.Slot] = map[int]bool{}
	case simulation.Certified:
		delete(v.open, e.Slot)
	case simulation.Stopped:
		for slot, stopped := range v.open {
			stopped[e.Node] = true
			if len(stopped) == v.nodes {
				v.seen++
				delete(v.open, slot)
			}
		}
	}
	return nil
}

func (*orphaned) End() error { return nil }

// Every echoer restarts while the creator is silent in many of the schedules that the search draws.
func TestTheSearchOftenRestartsEveryEchoer(t *testing.T) {
	const schedules = 500
	reached := 0
	for seed := range uint64(schedules) {
		schedule := simulation.Draw(seed, simulation.Range{MaxNodes: 7, RealEvery: -1})
		if slices.ContainsFunc(schedule.Faults, func(f simulation.Fault) bool { return f.Kind == simulation.NewGroup }) {
			continue // the set of members that must restart would change
		}
		v := &orphaned{nodes: schedule.Nodes - len(schedule.Byzantine), open: map[block.Slot]map[int]bool{}}
		_, err := simulation.Run(schedule, simulation.Options{Invariants: []simulation.Invariant{v}})
		require.NoError(t, err)
		if v.seen > 0 {
			reached++
		}
	}
	t.Logf("reached in %d of %d schedules", reached, schedules)
	require.Greater(t, reached, schedules/100)
}
