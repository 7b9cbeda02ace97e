package simulation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// never is the invariant that no block is delivered at one node.
type never struct {
	node      int
	delivered int
	ended     bool
}

func (*never) Name() string { return "never" }

func (v *never) Observe(e simulation.Event) error {
	if e.Kind != simulation.Delivered {
		return nil
	}
	v.delivered++
	if e.Node == v.node {
		return errors.New("it was delivered")
	}
	return nil
}

func (v *never) End() error {
	v.ended = true
	return nil
}

func TestFurtherInvariantsAreChecked(t *testing.T) {
	v := &never{node: 2}
	result, err := simulation.Run(oneEach(4, 4, simulation.WAN), simulation.Options{Invariants: []simulation.Invariant{v}})
	require.NoError(t, err)
	require.NotEmpty(t, result.Violations)
	require.Equal(t, "never", result.Violations[0].Promise)
	require.Contains(t, result.Violations[0].String(), "it was delivered")
	require.True(t, v.ended)
}

func TestShrinkingLeavesWhatIsNeeded(t *testing.T) {
	schedule := simulation.Draw(12, simulation.Range{MinNodes: 7, MaxNodes: 7, RealEvery: -1})
	schedule.Submissions = append(schedule.Submissions, simulation.Submission{At: 5, Node: 3, Size: 20})
	options := func(simulation.Schedule) simulation.Options {
		return simulation.Options{Invariants: []simulation.Invariant{&never{node: schedule.Members[0]}}}
	}
	shrunk, tries := simulation.Shrink(schedule, "never", options)
	require.Positive(t, tries)
	require.Less(t, len(shrunk.String()), len(schedule.String()))
	require.Empty(t, shrunk.Faults)
	require.LessOrEqual(t, len(shrunk.Submissions), 1)
	result, err := simulation.Run(shrunk, options(shrunk))
	require.NoError(t, err)
	require.Equal(t, "never", result.Violations[0].Promise)
}

func TestTracingChangesNothing(t *testing.T) {
	schedule := simulation.Draw(8, simulation.Range{})
	quiet, err := simulation.Run(schedule, simulation.Options{})
	require.NoError(t, err)
	var text strings.Builder
	traced, err := simulation.Run(schedule, simulation.Options{Trace: &text})
	require.NoError(t, err)
	require.Equal(t, quiet.Hash, traced.Hash)
	require.Contains(t, text.String(), "starts")
}

// panicking is an application that panics.
type panicking struct{ simulation.Application }

func TestPanicIsAViolation(t *testing.T) {
	options := simulation.Options{Application: func(int, keys.Public) simulation.Application { return panicking{} }}
	result, err := simulation.Run(oneEach(4, 1, simulation.Constant), options)
	require.NoError(t, err)
	require.Equal(t, "no panics", result.Violations[0].Promise)
}
