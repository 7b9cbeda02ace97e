package simulation_test

import (
	"context"
	"flag"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

var (
	seed      = flag.Uint64("seed", 1, "seed of the first schedule")
	schedules = flag.Int("schedules", 0, "how many schedules to run; 0: a few, or many without -short")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// everybody returns the nodes below n.
func everybody(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// oneEach returns a schedule without faults in which some members submit one message each at the
// same time.
func oneEach(n, submitters int, latency simulation.Latency) simulation.Schedule {
	s := simulation.Schedule{
		Seed: 1, Nodes: n, Members: everybody(n), Latency: latency, Heal: 200, Deadline: 60_000,
	}
	for i := range submitters {
		s.Submissions = append(s.Submissions, simulation.Submission{At: 10, Node: i, Size: 64})
	}
	return s
}

func run(t *testing.T, s simulation.Schedule) simulation.Result {
	t.Helper()
	result, err := simulation.Run(s, simulation.Options{})
	require.NoError(t, err)
	require.Empty(t, result.Violations)
	return result
}

func TestCertificateTakesTwoDelaysDeliveryThreeAndEachBlockThreeMessagesAMember(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 7, 10, 13, 40, 100} {
		s := oneEach(n, 1, simulation.Constant)
		result := run(t, s)
		require.Len(t, result.Delays, 1)
		d := result.Delays[0]
		if n > 1 {
			require.InDelta(t, 100_000, d.Certified-d.Proposed, 5000, "n=%d: the creator's certificate", n)
			require.InDelta(t, 150_000, d.Delivered-d.Proposed, 7500, "n=%d: everybody's delivery", n)
		}
		require.Equal(t, 3*(n-1), result.Stats.Protocol, "n=%d: messages of the block", n)
	}
}

func TestOneSeedIsOneTraceOnAnyNumberOfCores(t *testing.T) {
	hashes := func(procs int) map[uint64]uint64 {
		before := runtime.GOMAXPROCS(procs)
		defer runtime.GOMAXPROCS(before)
		out := map[uint64]uint64{}
		for seed := range uint64(40) {
			out[seed] = run(t, simulation.Draw(seed, simulation.Range{RealEvery: 20})).Hash
		}
		return out
	}
	require.Equal(t, hashes(1), hashes(4))
}

func TestSearchFindsNothing(t *testing.T) {
	count := *schedules
	if count == 0 {
		count = 150
		if !testing.Short() {
			count = 20_000
		}
	}
	search := simulation.Search{Seed: *seed, Schedules: count}
	summary := search.Run(t.Context())
	t.Log(summary)
	for _, found := range summary.Found {
		require.NoError(t, found.Report(t.Output()))
	}
	require.Empty(t, summary.Found)
	require.Equal(t, count, summary.Schedules)
}

// Groups of one, two and three members tolerate no Byzantine member. Everything else may still
// happen to them.
func TestSmallGroupsKeepTheirPromises(t *testing.T) {
	search := simulation.Search{Seed: *seed, Schedules: 300, Range: simulation.Range{MinNodes: 1, MaxNodes: 3}}
	summary := search.Run(t.Context())
	for _, found := range summary.Found {
		require.NoError(t, found.Report(t.Output()))
	}
	require.Empty(t, summary.Found)
}

// With two Byzantine members too many the protocol must break, and the checker must notice.
func TestBeyondTheToleratedNumberItBreaks(t *testing.T) {
	search := simulation.Search{
		Seed: *seed, Schedules: 400,
		Range: simulation.Range{MinNodes: 4, MaxNodes: 7, Adversaries: []string{"equivocate", "blindecho"}, Beyond: 2, RealEvery: -1},
	}
	summary := search.Run(t.Context())
	require.NotEmpty(t, summary.Found)
}

func TestCrashBehindEveryStep(t *testing.T) {
	base := oneEach(4, 2, simulation.Constant)
	base.Heal, base.Deadline, base.AppDelay = 6000, 120_000, 1
	base.Faults = []simulation.Fault{{Kind: simulation.NewGroup, At: 500, For: 300, Nodes: everybody(4)}}
	steps := 160
	if testing.Short() {
		steps = 80
	}
	for node := range 2 {
		for step := 1; step <= steps; step++ {
			for _, away := range []int64{1, 900} {
				s := base
				s.Batch = step%2 == 0
				s.Faults = append(base.Faults[:1:1], simulation.Fault{Kind: simulation.CrashStep, Node: node, Step: step, For: away})
				run(t, s)
			}
		}
	}
}

func TestEndOfSearchByContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	summary := simulation.Search{Seed: 3, Time: time.Hour}.Run(ctx)
	require.Equal(t, "schedules: 0, violations: 0, seed: 3", summary.String())
}

func TestSchedulesAreReadAsTheyAreWritten(t *testing.T) {
	for seed := range uint64(200) {
		s := simulation.Draw(seed, simulation.Range{})
		again, err := simulation.Parse(s.String())
		require.NoError(t, err)
		require.Equal(t, s.String(), again.String())
	}
	for _, text := range []string{
		"", "{}", "{", `{"Nodes":4,"Members":[4]}`, `{"Nodes":4,"Members":[1,1]}`, `{"Nodes":4000,"Members":[1]}`,
		`{"Nodes":4,"Members":[0],"Byzantine":[{"Node":1,"Adversary":"kind"}]}`, `{"Nodes":1,"Members":[0],"Heal":5}`,
	} {
		_, err := simulation.Parse(text)
		require.Error(t, err, text)
	}
}
