package simulate

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/world"
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
)

// ticks is the number of measurements of each mixnode by each Nym-API in an epoch, missing the
// share of them that is lost.
const (
	ticks   = 4
	missing = 0.02
)

// scenario is what to simulate. Times are in milliseconds.
type scenario struct {
	seed      uint64
	nodes     int
	mixnodes  int
	epochs    int
	duration  int64 // of an epoch
	accept    int64 // how long an epoch stays open after its end, 0 for no limit
	creators  int   // only the first nodes make blocks, 0 for all
	byzantine []int // nodes that report only zeros
	estimator metrics.Estimator
}

// end returns when an epoch (from 1) ends, since the beginning of the run.
func (s scenario) end(epoch int) int64 { return int64(epoch) * s.duration }

// window returns the window of an epoch, since the beginning of the run.
func (s scenario) window(epoch int) rules.Window {
	return rules.Window{Start: contract.Millis(s.end(epoch - 1)), End: contract.Millis(s.end(epoch))}
}

// deadline returns the moment from which blocks may lack reports.
func (s scenario) deadline(epoch int) int64 { return int64(s.window(epoch).Deadline()) }

// grace returns the moment from which every valid block is signed.
func (s scenario) grace(epoch int) int64 { return int64(s.window(epoch).Grace()) }

// environment is what all Nym-APIs of one run share: the measurements, the contract, and caches of
// decoded reports and verdicts. A run has one goroutine.
type environment struct {
	scenario
	world        *world.World
	liars        []bool
	places       map[keys.Public]int
	apps         []*application
	group        *membership.Group // nil before the first report
	descriptions []contract.Description
	rules        []verify.Rule // of the descriptions
	hashes       []contract.Hash
	readings     map[block.MessageID]*reading
	verdicts     map[block.ID]*verdict
	contract     ledger
	timings      timings
	forked       bool // it is a drawn day with forks
}

// reading is a message decoded as a report.
type reading struct {
	rules.Report
	err   error
	epoch int  // of its label, 0 if it is not a report
	node  int  // that signed it
	count bool // whether it counts if it is the first of its sender
}

// verdict is the judgement about a block, which depends only on its bytes. It is shared.
type verdict struct {
	epoch     int
	reporters []bool // by node: whether its report counts
	count     int
	reports   []*reading // of all messages
	reason    string     // why it is rejected
}

func newEnvironment(s scenario) (*environment, error) {
	source, err := world.New(world.Config{Seed: s.seed, Mixnodes: s.mixnodes, Missing: missing})
	if err != nil {
		return nil, fmt.Errorf("simulate measurements: %w", err)
	}
	e := &environment{
		scenario: s, world: source, liars: make([]bool, s.nodes), places: make(map[keys.Public]int, s.nodes),
		readings: map[block.MessageID]*reading{}, verdicts: map[block.ID]*verdict{},
	}
	for _, node := range s.byzantine {
		e.liars[node] = true
	}
	e.contract = ledger{env: e, outcomes: make([]Outcome, s.epochs)}
	e.timings = timings{env: e, proposed: map[block.Slot]int64{}}
	return e, nil
}

// application creates the application of a node.
func (e *environment) application(node int, key keys.Public) simulation.Application {
	e.places[key] = node
	a := &application{
		env: e, node: node, made: make([]bool, e.epochs+1), judged: map[uint64]int{}, arrivals: make([][]int64, e.epochs+1), seen: make([]int, e.nodes),
	}
	e.apps = append(e.apps, a)
	return a
}

// payload creates the report for a submission. The label of the submission names the epoch.
func (e *environment) payload(group *membership.Group, s simulation.Submission) []byte {
	if e.group == nil {
		e.describe(group)
	}
	epoch := e.epochOf(s.Label)
	report := metrics.Report{Description: e.hashes[epoch-1], Mixnodes: e.world.Mixnodes(), Values: e.values(epoch, s.Node)}
	payload, err := report.Encode()
	if err != nil {
		panic(fmt.Sprintf("simulate: encode a report: %v", err))
	}
	return payload
}

// values returns the values that a node reports for an epoch.
func (e *environment) values(epoch, node int) []metrics.Uptime {
	values := make([]metrics.Uptime, e.mixnodes)
	if e.liars[node] {
		return values
	}
	samples := make([]uint8, 0, ticks)
	for mix := range values {
		samples = samples[:0]
		for tick := range int64(ticks) {
			if value, ok := e.world.Sample(node+1, mix, int64(epoch-1)*ticks+tick); ok {
				samples = append(samples, value)
			}
		}
		values[mix] = metrics.Average(samples)
	}
	return values
}

// describe creates the descriptions of all epochs. The contract has no key here.
func (e *environment) describe(group *membership.Group) {
	e.group = group
	how := contract.Rules{
		Estimator: e.estimator.Name(), Version: e.estimator.Version(), Coverage: uint16(quorum.Coverage(group.N())), Mode: contract.ModeFull,
	}
	for epoch := 1; epoch <= e.epochs; epoch++ {
		d := contract.Description{
			Version: contract.DescriptionVersion, Network: group.Network(), Epoch: contract.Epoch(epoch), Start: contract.Millis(simulation.Beginning + e.end(epoch-1)),
			End: contract.Millis(simulation.Beginning + e.end(epoch)), Group: group, Mixnodes: e.world.Mixnodes(), Rules: how,
		}
		e.descriptions = append(e.descriptions, d)
		e.rules = append(e.rules, verify.NewRule(d))
		e.hashes = append(e.hashes, d.Hash())
	}
}

// epochOf returns the epoch of a label, 0 if it is not the label of an epoch of this run.
func (e *environment) epochOf(label string) int {
	for epoch := 1; epoch <= e.epochs; epoch++ {
		if contract.Epoch(epoch).Label() == label {
			return epoch
		}
	}
	return 0
}

// read decodes a message as a report, or returns the cached result.
func (e *environment) read(m block.Message) *reading {
	known, ok := e.readings[m.ID()]
	if ok {
		return known
	}
	known = &reading{}
	known.Report, known.err = rules.Read(m)
	known.Reading = known.WithoutValues()
	node, member := e.places[m.Sender()]
	if epoch := known.Epoch; known.err == nil && member && e.group != nil && epoch > 0 && epoch <= contract.Epoch(e.epochs) {
		known.epoch, known.node, known.count = int(epoch), node, e.rules[epoch-1].Counts(known.Reading)
	}
	e.readings[m.ID()] = known
	return known
}

// report decodes a message, see read. It is a rules.Reader.
func (e *environment) report(m block.Message) (rules.Report, error) {
	r := e.read(m)
	return r.Report, r.err
}

// judge decides about a block as package rewards does, or returns the cached verdict: the block
// must be about one epoch, for which the reports of n-f members count.
func (e *environment) judge(b block.Block) *verdict {
	id := b.ID()
	known, ok := e.verdicts[id]
	if !ok {
		decided := e.decide(b)
		known = &decided
		e.verdicts[id] = known
	}
	return known
}

func (e *environment) decide(b block.Block) verdict {
	if e.group == nil {
		return verdict{reason: "no report has been sent yet"}
	}
	claim, err := rules.ClaimOf(e.group, b, e.report)
	if err != nil {
		return verdict{reason: err.Error()}
	}
	epoch := int(claim.Epoch)
	if epoch > e.epochs || claim.Description != e.hashes[epoch-1] {
		return verdict{reason: fmt.Sprintf("unknown description of epoch %d", epoch)}
	}
	picked, err := e.rules[epoch-1].Block(b, rules.Reader(e.report).UnderAny())
	if err != nil {
		return verdict{reason: err.Error()}
	}
	v := verdict{epoch: epoch, reporters: make([]bool, e.nodes), count: len(picked)}
	for _, report := range picked {
		v.reporters[e.places[report.Key]] = true
	}
	for _, m := range b.Messages {
		v.reports = append(v.reports, e.read(m))
	}
	return v
}

// verified returns what package verify makes of a block.
func (e *environment) verified(b block.Block, epoch int) (metrics.Matrix, metrics.Result, []verify.Reporter, error) {
	d := e.descriptions[epoch-1]
	matrix, reporters, err := verify.Matrix(b, d)
	if err != nil {
		return metrics.Matrix{}, metrics.Result{}, nil, err
	}
	result, err := verify.Result(matrix, d)
	return matrix, result, reporters, err
}

func label(epoch int) string { return contract.Epoch(epoch).Label() }

// reportBytes returns the length of a report about that many mixnodes, all of them up.
func reportBytes(mixnodes int) (int, error) {
	source, err := world.New(world.Config{Mixnodes: mixnodes})
	if err != nil {
		return 0, err
	}
	return rules.ReportBytes(source.Mixnodes())
}
