package simulation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// returning measures how long a node that was away takes to deliver the messages that it missed.
type returning struct {
	node     int
	awaited  int // messages
	started  int64
	finished int64
}

func (*returning) Name() string { return "returning" }
func (*returning) End() error   { return nil }

func (r *returning) Observe(e simulation.Event) error {
	switch {
	case e.Node != r.node:
	case e.Kind == simulation.Started:
		r.started = e.At
	case e.Kind == simulation.Delivered:
		if r.awaited -= len(e.Block.Block.Messages); r.awaited == 0 {
			r.finished = e.At
		}
	}
	return nil
}

// Silent signers cost seconds, not minutes: a node that was away fetches what it missed, although f
// of the signers claim to have all of it and never answer.
func TestSilentSignersCostSeconds(t *testing.T) {
	const submissions = 60
	worst := time.Duration(0)
	for _, n := range []int{4, 7, 10, 13, 31} {
		for seed := range uint64(8) {
			s := oneEach(n, 0, simulation.Constant)
			s.Seed, s.Heal, s.NoGossip, s.Connect = seed, 6000, seed%2 == 0, seed%3 == 0
			for i := range (n - 1) / 3 {
				s.Byzantine = append(s.Byzantine, simulation.Placement{Node: n - 1 - i, Adversary: "unresponsive"})
			}
			for i := range submissions {
				s.Submissions = append(s.Submissions, simulation.Submission{At: 10 + 50*int64(i), Node: 1 + i%(n-(n-1)/3-1), Size: 40})
			}
			s.Faults = []simulation.Fault{{Kind: simulation.Crash, Node: 0, At: 5, For: 5000}}
			watch := &returning{node: 0, awaited: submissions}
			result, err := simulation.Run(s, simulation.Options{Invariants: []simulation.Invariant{watch}})
			require.NoError(t, err)
			require.Empty(t, result.Violations)
			took := time.Duration(watch.finished-watch.started) * time.Microsecond
			require.Positive(t, took)
			worst = max(worst, took)
		}
	}
	t.Logf("%d blocks after at most %s", submissions, worst)
	require.Less(t, worst, 5*time.Second)
}
