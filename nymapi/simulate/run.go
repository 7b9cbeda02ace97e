package simulate

import (
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
)

// acceptEpochs is the number of epochs for which an epoch stays open after its end, the contract's
// default.
const acceptEpochs = 3

// spreadOfReports is the time after an epoch's end, in milliseconds, within which the Nym-APIs
// submit their reports.
const spreadOfReports = 200

// Day is the outcome of a run.
type Day struct {
	Config   Config
	Result   simulation.Result
	Outcomes []Outcome // by epoch
	Stopped  bool      // the run was stopped early
	Report   int       // length of a report in bytes

	link                 int64 // typical one-way delay in microseconds
	certified, delivered []int64
}

// Run simulates a day. It calls progress, if not nil, with the virtual time, and ends early when
// stop returns true. The same configuration yields the same day on every machine. It uses one core.
func Run(c Config, progress func(done, of time.Duration), stop func() bool) (Day, error) {
	if err := c.Validate(); err != nil {
		return Day{}, err
	}
	day := Day{Config: c}
	estimator, err := metrics.ParseEstimator("median")
	if err != nil {
		return Day{}, err
	}
	s := scenario{
		seed: c.Seed, nodes: c.Nodes, mixnodes: c.Mixnodes, epochs: c.Epochs, duration: c.Epoch.Milliseconds(),
		accept: acceptEpochs * c.Epoch.Milliseconds(), byzantine: c.byzantineNodes(), estimator: estimator,
	}
	env, err := newEnvironment(s)
	if err != nil {
		return Day{}, err
	}
	schedule := s.schedule(c.Latency, c.Interval())
	schedule.Byzantine = c.placements()
	if progress != nil {
		whole := time.Duration(schedule.Deadline) * time.Millisecond
		env.timings.progressed = func(ms int64) { progress(time.Duration(ms)*time.Millisecond, whole) }
	}
	stopped := func() bool { return day.Stopped }
	options := env.options(stopped)
	options.Measure = true
	options.Stop = func() bool { day.Stopped = day.Stopped || stop != nil && stop(); return day.Stopped }
	if day.Result, err = simulation.Run(schedule, options); err != nil {
		return Day{}, fmt.Errorf("simulate: %w", err)
	}
	env.contract.pass(schedule.Deadline)
	day.Outcomes, day.link = env.contract.outcomes, schedule.TypicalDelay()
	day.certified, day.delivered = env.timings.certified, env.timings.delivered
	day.Report, err = reportBytes(c.Mixnodes)
	return day, err
}

// byzantineNodes returns the Byzantine nodes, which are the first ones.
func (c Config) byzantineNodes() []int {
	var nodes []int
	for node := range c.byzantine() {
		nodes = append(nodes, node)
	}
	return nodes
}

func (c Config) placements() []simulation.Placement {
	var all []simulation.Placement
	for _, a := range c.Adversaries {
		for range a.Count {
			all = append(all, simulation.Placement{Node: len(all), Adversary: a.Adversary})
		}
	}
	return all
}

// schedule returns a schedule without faults: the submissions of reports, and the moments at which
// waiting ends.
func (s scenario) schedule(latency Latency, exchange time.Duration) simulation.Schedule {
	last := s.grace(s.epochs) + 1
	// Leave time for a few exchanges after the last deadline.
	margin := max(60_000, 4*exchange.Milliseconds())
	schedule := simulation.Schedule{
		Seed: s.seed, Nodes: s.nodes, Latency: latency.Model, Link: latency.Link.Microseconds(), All: true, Batch: true,
		Exchange: exchange.Milliseconds(), Heal: last, Deadline: last + margin,
	}
	for node := range s.nodes {
		schedule.Members = append(schedule.Members, node)
	}
	for epoch := 1; epoch <= s.epochs; epoch++ {
		for node := range s.nodes {
			schedule.Submissions = append(schedule.Submissions, s.submission(epoch, node, s.end(epoch)+jitter(s.seed, epoch, node)))
		}
		schedule.Faults = append(schedule.Faults, s.wakes(epoch)...)
	}
	return schedule
}

// submission returns a node's report for an epoch. Its signed time is the epoch's end, so a report
// that is submitted again is the same message.
func (s scenario) submission(epoch, node int, at int64) simulation.Submission {
	return simulation.Submission{At: at, Node: node, Label: label(epoch), Size: 8, Time: simulation.Beginning + s.end(epoch)}
}

// wakes returns the moments at which applications may stop waiting.
func (s scenario) wakes(epoch int) []simulation.Fault {
	return []simulation.Fault{{Kind: simulation.WakeAll, At: s.deadline(epoch) + 1}, {Kind: simulation.WakeAll, At: s.grace(epoch) + 1}}
}

// jitter returns the time between an epoch's end and the report of a node.
func jitter(seed uint64, epoch, node int) int64 {
	x := seed*0x9e3779b97f4a7c15 + uint64(epoch)<<20 + uint64(node)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return int64((x ^ x>>31) % spreadOfReports)
}

// options returns the options of a run.
func (e *environment) options(stopped func() bool) simulation.Options {
	report, err := reportBytes(e.mixnodes)
	if err != nil {
		report = 0 // impossible: the number of mixnodes is valid
	}
	least := membership.DefaultLimits()
	limits := membership.Limits{
		PayloadBytes:  max(least.PayloadBytes, uint32(report)),
		BlockMessages: max(least.BlockMessages, uint32(e.nodes)),
		BlockBytes:    max(least.BlockBytes, uint32(e.nodes*(report+block.MaxMessageOverhead))),
	}
	return simulation.Options{
		Application: e.application, Payload: e.payload, Invariants: e.invariants(stopped), Endless: true, Limits: limits,
		Pool: rules.Mempool(time.Duration(e.duration)*time.Millisecond, e.nodes, report),
	}
}
