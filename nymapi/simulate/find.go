package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// The short days of Find. Epochs end during faults, and nodes submit their reports again when the
// faults are over, as package rewards does after a restart.
const (
	findEpochs   = 3
	findDuration = 1000 // milliseconds
	findMixnodes = 8
)

// repeats are the times after the end of the faults at which reports are submitted again. By the
// time settle everything must have been rewarded.
var repeats = []int64{0, 2000, 4000}

const settle = 12_000

// Find draws and runs random short days in groups of 4 to 13 with faults and adversaries on all
// cores, until the time is over, ctx is done or a violation is found. The schedules are those of
// simulation.Draw without changes of the group. It calls progress with the number of completed
// runs.
func Find(ctx context.Context, seed uint64, limit time.Duration, progress func(done int)) simulation.Summary {
	return simulation.Search{Seed: seed, Time: limit, Draw: drawDay, Options: dayOptions, Progress: progress}.Run(ctx)
}

// drawDay returns the schedule of a seed.
func drawDay(seed uint64) simulation.Schedule {
	s := simulation.Draw(seed, simulation.Range{})
	s.All, s.Offset, s.Known, s.Nodes, s.Submissions, s.Skips = true, 0, 0, len(s.Members), nil, nil
	s.Faults = slices.DeleteFunc(s.Faults, func(f simulation.Fault) bool {
		ofLaterGroup := f.Kind == simulation.NewGroup || f.Kind == simulation.CloseOld
		ofUnusedNode := f.Node >= s.Nodes
		return ofLaterGroup || ofUnusedNode || f.Kind == simulation.StepClock || f.Kind == simulation.Pile
	})
	healed := s.Heal
	for _, f := range s.Faults { // some last longer
		healed = max(healed, f.At+f.For)
	}
	day := dayScenario(s)
	for epoch := 1; epoch <= findEpochs; epoch++ {
		for node := range s.Nodes {
			s.Submissions = append(s.Submissions, day.submission(epoch, node, day.end(epoch)+jitter(seed, epoch, node)))
			for _, later := range repeats {
				s.Submissions = append(s.Submissions, day.submission(epoch, node, healed+later))
			}
		}
		s.Faults = append(s.Faults, day.wakes(epoch)...)
	}
	for _, at := range append(slices.Clone(repeats), settle) {
		s.Faults = append(s.Faults, simulation.Fault{Kind: simulation.WakeAll, At: healed + at})
	}
	return s
}

// dayScenario returns the scenario of a drawn day. Members whose votes are lost are honest;
// together with the Byzantine ones they are at most f.
func dayScenario(s simulation.Schedule) scenario {
	day := scenario{seed: s.Seed, nodes: s.Nodes, mixnodes: findMixnodes, epochs: findEpochs, duration: findDuration}
	for _, p := range s.Byzantine {
		day.byzantine = append(day.byzantine, p.Node)
	}
	return day
}

// dayOptions returns the applications and invariants for one run of a drawn day.
func dayOptions(s simulation.Schedule) simulation.Options {
	day := dayScenario(s)
	env, err := newEnvironment(day)
	if err == nil {
		env.estimator, err = metrics.ParseEstimator("median")
	}
	if err != nil {
		panic(fmt.Sprintf("simulate: a drawn day: %v", err))
	}
	env.forked = s.Fork
	options := env.options(func() bool { return false })
	options.Endless = false
	return options
}

// Search is the result of Find for programs.
type Search struct {
	Schedules  int              `json:"schedules"`
	Violations int              `json:"violations"`
	Seed       uint64           `json:"seed"`     // of the first schedule; each further one adds 1
	ByNodes    map[int]int      `json:"by_nodes"` // schedules by number of Nym-APIs
	Found      []FoundViolation `json:"found"`
}

// FoundViolation is a schedule that violated invariants.
type FoundViolation struct {
	Seed     uint64              `json:"seed"`
	Broken   []ViolatedPromise   `json:"broken"`
	Schedule simulation.Schedule `json:"schedule"` // the smallest that still fails
	Again    string              `json:"again"`    // the command that reproduces it
}

// WriteFoundJSON writes the result of Find as JSON.
func WriteFoundJSON(w io.Writer, s simulation.Summary) error {
	search := Search{Schedules: s.Schedules, Violations: len(s.Found), Seed: s.Seed, ByNodes: s.ByNodes, Found: []FoundViolation{}}
	for _, found := range s.Found {
		seed := found.Result.Schedule.Seed
		search.Found = append(search.Found, FoundViolation{Seed: seed, Broken: violated(found.Result), Schedule: found.Shrunk, Again: again(seed)})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(search)
}

// again returns the command that begins with the schedule of a seed.
func again(seed uint64) string { return fmt.Sprintf("nymapi simulate --seed %d --find 1s", seed) }

// ReportFound prints the result of Find: each violation, the smallest schedule that still fails,
// and the command that reproduces it. The last line counts the schedules.
func ReportFound(w io.Writer, s simulation.Summary) error {
	var errs []error
	say := func(format string, args ...any) {
		_, err := fmt.Fprintf(w, format, args...)
		errs = append(errs, err)
	}
	for _, found := range s.Found {
		for _, v := range found.Result.Violations {
			say("violation of %s\n", v)
		}
		say("shrunk in %d runs to: %s\nreproduce: %s\n", found.Tries, found.Shrunk, again(found.Result.Schedule.Seed))
	}
	say("%s\n", s)
	return errors.Join(errs...)
}
