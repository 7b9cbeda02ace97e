package simulation_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// stopwatch measures how long a submission takes until the last correct node has delivered it.
type stopwatch struct {
	schedule simulation.Schedule
	correct  int
	seen     map[uint64]map[int]bool // nodes by submission
	took     map[uint64]time.Duration
}

func newStopwatch(s simulation.Schedule) *stopwatch {
	return &stopwatch{schedule: s, correct: s.Nodes - len(s.Byzantine), seen: map[uint64]map[int]bool{}, took: map[uint64]time.Duration{}}
}

func (*stopwatch) Name() string { return "stopwatch" }
func (*stopwatch) End() error   { return nil }

func (w *stopwatch) Observe(e simulation.Event) error {
	if e.Kind != simulation.Delivered {
		return nil
	}
	for _, m := range e.Block.Block.Messages {
		index := binary.LittleEndian.Uint64(m.Payload())
		if m.Label() != loadLabel || w.took[index] != 0 {
			continue
		}
		if w.seen[index] == nil {
			w.seen[index] = map[int]bool{}
		}
		w.seen[index][e.Node] = true
		if len(w.seen[index]) == w.correct {
			w.took[index] = time.Duration(e.At-w.schedule.Submissions[index].At*1000) * time.Microsecond
		}
	}
	return nil
}

// median returns the median over the submissions since a time. What was never delivered took
// forever.
func (w *stopwatch) median(since int64) time.Duration {
	var all []time.Duration
	for i, s := range w.schedule.Submissions {
		if s.At < since {
			continue
		}
		took, ok := w.took[uint64(i)]
		if !ok {
			took = time.Hour
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

const (
	loadLabel = "load"
	loadRate  = 12_500_000 // 100 Mbit/s
	loadLink  = 10_000     // microseconds
	share     = 2          // each node has half a core
)

// underLoad returns a schedule in which each correct member submits 20/n messages a second for some
// seconds, processing and sending take time, and f members attack.
func underLoad(n, seconds int, attack string) simulation.Schedule {
	s := simulation.Schedule{
		Seed: 1, Nodes: n, Members: everybody(n), Link: loadLink, LinkRate: loadRate, Costs: simulation.MeasuredCosts(share),
		Heal: 100, Deadline: int64(seconds)*1000 + 500,
	}
	if attack != "" {
		for i := range (n - 1) / 3 {
			s.Byzantine = append(s.Byzantine, simulation.Placement{Node: n - 1 - i, Adversary: attack})
		}
	}
	correct := n - (n-1)/3
	for i := range seconds * 20 {
		s.Submissions = append(s.Submissions, simulation.Submission{At: int64(i)*50 + 7, Node: i % correct, Label: loadLabel, Size: 200})
	}
	return s
}

// loaded runs a schedule and returns the median latency after the first seconds.
func loaded(t testing.TB, s simulation.Schedule, since int64) (time.Duration, simulation.Result) {
	t.Helper()
	watch := newStopwatch(s)
	result, err := simulation.Run(s, simulation.Options{
		Invariants: []simulation.Invariant{watch}, Endless: true, Measure: true,
		// With limits of their own, peers have the budgets that ship.
		Limits: membership.Limits{PayloadBytes: 4096, BlockMessages: 64, BlockBytes: 32 << 10},
	})
	require.NoError(t, err)
	for _, v := range result.Violations {
		require.Equal(t, "liveness", v.Promise, v.String()) // it ends while blocks are under way
	}
	return watch.median(since), result
}

func TestQuietLatencyIsThatOfTheLinksAndSomeWork(t *testing.T) {
	for _, n := range []int{4, 7} {
		s := underLoad(n, 3, "")
		took, result := loaded(t, s, 1000)
		s.Costs, s.LinkRate = simulation.Costs{}, 0
		ideal, _ := loaded(t, s, 1000)
		t.Logf("n=%d: p50 %s, without costs %s; busy %v; dropped %d", n, took, ideal, result.Stats.Busy, result.Stats.Dropped)
		require.Greater(t, took, ideal)
		require.Less(t, took, 2*ideal)
		require.Zero(t, result.Stats.Cuts)
		require.Zero(t, result.Stats.Dropped)
	}
}

// Frames wait for the rate of their link.
func TestLinksHaveARate(t *testing.T) {
	s := underLoad(4, 3, "")
	s.Costs = simulation.Costs{}
	fast, _ := loaded(t, s, 1000)
	s.LinkRate = 20_000
	slow, result := loaded(t, s, 1000)
	require.Greater(t, slow, fast+20*time.Millisecond)
	require.Zero(t, result.Stats.Dropped)
}

// A processor that is too slow for its work falls behind, and the same schedule falls behind in the
// same way.
func TestProcessorsFallBehind(t *testing.T) {
	s := underLoad(4, 3, "")
	quick, _ := loaded(t, s, 1000)
	s.Costs.Check *= 300
	slow, result := loaded(t, s, 1000)
	require.Greater(t, slow, 4*quick)
	again, same := loaded(t, s, 1000)
	require.Equal(t, slow, again)
	require.Equal(t, result.Hash, same.Hash)
}

// attackSeconds is for how long an attack lasts, of which the first is not judged.
func attackSeconds() int {
	if testing.Short() {
		return 3
	}
	return 10
}

// judgedAttacks are the attacks that at most double the latency.
var judgedAttacks = []string{"chain", "flapping", "forks", "frontiers", "getstorm", "noise", "oldcerts", "oversize", "quota", "strangers"}

// shortAttacks are those that a short run tries in the larger group, too.
var shortAttacks = []string{"chain", "flapping", "noise", "oversize"}

// Under each attack of f members, the median latency of the others is at most twice the quiet one.
func TestAttacksAtMostDoubleTheLatency(t *testing.T) {
	for _, n := range []int{4, 7} {
		quiet, _ := loaded(t, underLoad(n, attackSeconds(), ""), 1000)
		for _, attack := range judgedAttacks {
			if n > 4 && testing.Short() && !slices.Contains(shortAttacks, attack) {
				continue
			}
			took, result := loaded(t, underLoad(n, attackSeconds(), attack), 1000)
			t.Logf("n=%d %-9s p50 %6.1f ms, quiet %.1f ms; processors busy %d %%, cuts %d", n, attack, milliseconds(took), milliseconds(quiet),
				slices.Max(result.Stats.Busy)/10/result.Stats.Virtual, result.Stats.Cuts)
			require.LessOrEqual(t, took, 2*quiet, "n=%d under %s", n, attack)
		}
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// An honest group that gets more work than its processors can do sends no more than four times what
// it needs, cuts nobody off, and catches up once the work ends.
func TestOverloadedGroupCatchesUp(t *testing.T) {
	for _, c := range []struct{ n, share int }{{4, 300}, {10, 200}, {31, 40}} {
		n, s := c.n, underLoad(c.n, 4, "")
		s.Costs, s.Idle, s.Deadline = simulation.MeasuredCosts(int64(c.share)), true, 120_000
		result, err := simulation.Run(s, simulation.Options{})
		require.NoError(t, err)
		require.Empty(t, result.Violations)
		require.Zero(t, result.Stats.Cuts)
		require.Greater(t, slices.Max(result.Stats.Busy), int64(4_000_000), "n=%d is overloaded", n)
		t.Logf("n=%d: idle and judged %d ms after the beginning, processors busy for %d ms", n, result.Stats.Virtual, slices.Max(result.Stats.Busy)/1000)
		// The group is watched for 32 s after the end.
		require.Less(t, result.Stats.Virtual, int64(50_000), "n=%d", n)
	}
}
