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

// ticks is how often each Nym-API measures each mixnode in an epoch, and missing which share of
// that is lost.
const (
	ticks   = 4
	missing = 0.02
)

// scenario says what a scene is about. Times are in milliseconds.
type scenario struct {
	seed      uint64
	nodes     int
	mixnodes  int
	epochs    int
	duration  int64 // of an epoch
	accept    int64 // how long an epoch stays open after its end; 0: for ever
	creators  int   // only the first of the nodes make blocks; 0: all
	byzantine []int // these report nothing but zeros
	estimator metrics.Estimator
}

// end returns when an epoch (from 1) ends, since the beginning.
func (s scenario) end(epoch int) int64 { return int64(epoch) * s.duration }

// window returns the window of an epoch, since the beginning.
func (s scenario) window(epoch int) rules.Window {
	return rules.Window{Start: contract.Millis(s.end(epoch - 1)), End: contract.Millis(s.end(epoch))}
}

// deadline returns when reports that are not there need not be waited for any longer.
func (s scenario) deadline(epoch int) int64 { return int64(s.window(epoch).Deadline()) }

// grace returns when every justified block is signed.
func (s scenario) grace(epoch int) int64 { return int64(s.window(epoch).Grace()) }

// scene is what all Nym-APIs of one run share: what is measured, the contract, and what was read
// before. A run is one thread.
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
	readings     map[block.MessageID]reading
	verdicts     map[block.ID]verdict
	contract     ledger
	timings      timings
}

// reading is a message looked at as a report.
type reading struct {
	rules.Report
	err   error
	epoch int  // under whose label it is, 0: no report
	node  int  // who signed it
	count bool // package verify counts it, if it is the first of its sender
}

// verdict is what a block's bytes say.
type verdict struct {
	epoch     int
	reporters []bool // by node, whose report counts
	count     int
	reason    string // why it is none of any epoch
}

func newEnvironment(s scenario) (*environment, error) {
	source, err := world.New(world.Config{Seed: s.seed, Mixnodes: s.mixnodes, Missing: missing})
	if err != nil {
		return nil, fmt.Errorf("what the Nym-APIs measure: %w", err)
	}
	e := &environment{
		scenario: s, world: source, liars: make([]bool, s.nodes), places: make(map[keys.Public]int, s.nodes),
		readings: map[block.MessageID]reading{}, verdicts: map[block.ID]verdict{},
	}
	for _, node := range s.byzantine {
		e.liars[node] = true
	}
	e.contract = ledger{env: e, outcomes: make([]Outcome, s.epochs)}
	e.timings = timings{env: e, proposed: map[block.Slot]int64{}}
	return e, nil
}

// application makes the application of a node.
func (e *environment) application(node int, key keys.Public) simulation.Application {
	e.places[key] = node
	a := &application{
		env: e, node: node, made: make([]bool, e.epochs+1), judged: map[uint64]int{}, arrivals: map[arrival]int64{}, seen: make([]int, e.nodes),
	}
	e.apps = append(e.apps, a)
	return a
}

// payload makes the report that a submission stands for. Its label says for which epoch it is.
func (e *environment) payload(group *membership.Group, s simulation.Submission) []byte {
	if e.group == nil {
		e.describe(group)
	}
	epoch := e.epochOf(s.Label)
	report := metrics.Report{Description: e.hashes[epoch-1], Mixnodes: e.world.Mixnodes(), Values: e.values(epoch, s.Node)}
	payload, err := report.Encode()
	if err != nil {
		panic(fmt.Sprintf("simulate: a report that no Nym-API makes: %v", err))
	}
	return payload
}

// values returns what a node reports for an epoch.
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

// describe fixes the descriptions of all epochs. The contract's key signs nothing here.
func (e *environment) describe(group *membership.Group) {
	e.group = group
	how := contract.Rules{
		Estimator: e.estimator.Name(), Version: e.estimator.Version(), Coverage: uint16(quorum.Coverage(group.N())), Mode: contract.ModeFull,
	}
	for epoch := 1; epoch <= e.epochs; epoch++ {
		d := contract.Description{
			Network: group.Network(), Epoch: contract.Epoch(epoch), Start: contract.Millis(simulation.Beginning + e.end(epoch-1)),
			End: contract.Millis(simulation.Beginning + e.end(epoch)), Group: group, Mixnodes: e.world.Mixnodes(), Rules: how,
		}
		e.descriptions = append(e.descriptions, d)
		e.rules = append(e.rules, verify.NewRule(d))
		e.hashes = append(e.hashes, d.Hash())
	}
}

// epochOf returns the epoch whose label this is, 0 if it is none.
func (e *environment) epochOf(label string) int {
	for epoch := 1; epoch <= e.epochs; epoch++ {
		if contract.Epoch(epoch).Label() == label {
			return epoch
		}
	}
	return 0
}

// read looks at a message as a report, once.
func (e *environment) read(m block.Message) reading {
	known, ok := e.readings[m.ID()]
	if ok {
		return known
	}
	known.Report, known.err = rules.Read(m)
	known.Reading = known.WithoutValues()
	node, member := e.places[m.Sender()]
	if epoch := known.Epoch; known.err == nil && member && e.group != nil && epoch > 0 && epoch <= contract.Epoch(e.epochs) {
		known.epoch, known.node, known.count = int(epoch), node, e.rules[epoch-1].Counts(known.Reading)
	}
	e.readings[m.ID()] = known
	return known
}

// report is a rules.Reader.
func (e *environment) report(m block.Message) (rules.Report, error) {
	r := e.read(m)
	return r.Report, r.err
}

// judge looks at a block, once, as package rewards does: it claims to be about one epoch, and the
// reports of n-f members count for it, the first of each member.
func (e *environment) judge(b block.Block) verdict {
	id := b.ID()
	known, ok := e.verdicts[id]
	if !ok {
		known = e.judgeAnew(b)
		e.verdicts[id] = known
	}
	return known
}

func (e *environment) judgeAnew(b block.Block) verdict {
	if e.group == nil {
		return verdict{reason: "nobody has reported yet"}
	}
	claim, err := rules.ClaimOf(e.group, b, e.report)
	if err != nil {
		return verdict{reason: err.Error()}
	}
	epoch := int(claim.Epoch)
	if epoch > e.epochs || claim.Description != e.hashes[epoch-1] {
		return verdict{reason: fmt.Sprintf("another description of epoch %d", epoch)}
	}
	picked, err := e.rules[epoch-1].Block(b, rules.Reader(e.report).UnderAny())
	if err != nil {
		return verdict{reason: err.Error()}
	}
	v := verdict{epoch: epoch, reporters: make([]bool, e.nodes), count: len(picked)}
	for _, report := range picked {
		v.reporters[e.places[report.Key]] = true
	}
	return v
}

// verified is what package verify says about a block.
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

// reportBytes returns the length of a report in which every mixnode is up.
func reportBytes(mixnodes int) (int, error) {
	source, err := world.New(world.Config{Mixnodes: mixnodes})
	if err != nil {
		return 0, err
	}
	return rules.ReportBytes(source.Mixnodes())
}
