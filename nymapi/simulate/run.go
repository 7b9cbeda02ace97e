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

// acceptEpochs is how many durations an epoch stays open after its end: the contract's default.
const acceptEpochs = 3

// spreadOfReports is within how many milliseconds of an epoch's end the Nym-APIs hand their reports
// in.
const spreadOfReports = 200

// Day is what became of a run.
type Day struct {
	Config   Config
	Result   simulation.Result
	Outcomes []Outcome // by epoch
	Stopped  bool      // before its end
	Report   int       // length of a report in bytes

	link                 int64 // typical one-way delay in microseconds
	certified, delivered []int64
}

// Run simulates a day. Progress is told of virtual time, may be nil, and stop says when to end
// early. The same configuration gives the same day on every machine. It takes one core.
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

// byzantineNodes returns the Byzantine nodes: the first ones.
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

// schedule plans the reports and the moments at which waiting ends. No fault strikes.
func (s scenario) schedule(latency Latency, exchange time.Duration) simulation.Schedule {
	last := s.grace(s.epochs) + 1
	// What is late is settled a few exchanges after the last moment.
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

// submission is a node's report for an epoch. Its signed time is the epoch's end, so that it is the
// same message whenever it is handed in.
func (s scenario) submission(epoch, node int, at int64) simulation.Submission {
	return simulation.Submission{At: at, Node: node, Label: label(epoch), Size: 8, Time: simulation.Beginning + s.end(epoch)}
}

// wakes tells the applications that waiting is over.
func (s scenario) wakes(epoch int) []simulation.Fault {
	return []simulation.Fault{{Kind: simulation.WakeAll, At: s.deadline(epoch) + 1}, {Kind: simulation.WakeAll, At: s.grace(epoch) + 1}}
}

// jitter returns how long after an epoch's end a node hands its report in.
func jitter(seed uint64, epoch, node int) int64 {
	x := seed*0x9e3779b97f4a7c15 + uint64(epoch)<<20 + uint64(node)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return int64((x ^ x>>31) % spreadOfReports)
}

// options are those of a run of the scene.
func (e *environment) options(stopped func() bool) simulation.Options {
	report, err := reportBytes(e.mixnodes)
	if err != nil {
		report = 0 // validated before: a scene has mixnodes
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
