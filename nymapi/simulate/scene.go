package simulate

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/world"
)

// ticks is how often each Nym-API measures each mixnode in an epoch, and missing which share of
// that is lost.
const (
	ticks   = 4
	missing = 0.02
)

// script says what a scene is about. Times are in milliseconds.
type script struct {
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
func (s script) end(epoch int) int64 { return int64(epoch) * s.duration }

// Moments after the end of an epoch, as parts of its duration: the rules of package rewards.
const (
	deadlineParts = 4
	graceParts    = 10
)

// deadline returns when reports that are not there need not be waited for any longer.
func (s script) deadline(epoch int) int64 { return s.end(epoch) + s.duration/deadlineParts }

// grace returns when every justified block is signed.
func (s script) grace(epoch int) int64 { return s.deadline(epoch) + s.duration/graceParts }

// scene is what all Nym-APIs of one run share: what is measured, the contract, and what was read
// before. A run is one thread.
type scene struct {
	script
	world        *world.World
	liars        []bool
	places       map[keys.Public]int
	apps         []*application
	group        *membership.Group // nil before the first report
	descriptions []contract.Description
	hashes       []contract.Hash
	readings     map[block.MessageID]reading
	verdicts     map[block.ID]verdict
	contract     ledger
	watch        watch
}

// reading is a message looked at as a report.
type reading struct {
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

func newScene(s script) (*scene, error) {
	source, err := world.New(world.Config{Seed: s.seed, Mixnodes: s.mixnodes, Missing: missing})
	if err != nil {
		return nil, fmt.Errorf("what the Nym-APIs measure: %w", err)
	}
	c := &scene{
		script: s, world: source, liars: make([]bool, s.nodes), places: make(map[keys.Public]int, s.nodes),
		readings: map[block.MessageID]reading{}, verdicts: map[block.ID]verdict{},
	}
	for _, node := range s.byzantine {
		c.liars[node] = true
	}
	c.contract = ledger{scene: c, outcomes: make([]Outcome, s.epochs)}
	c.watch = watch{scene: c, proposed: map[block.Slot]int64{}}
	return c, nil
}

// application makes the application of a node.
func (c *scene) application(node int, key keys.Public) simulation.Application {
	c.places[key] = node
	a := &application{
		scene: c, node: node, made: make([]bool, c.epochs+1), judged: map[uint64]int{}, arrivals: map[arrival]int64{}, seen: make([]int, c.nodes),
	}
	c.apps = append(c.apps, a)
	return a
}

// payload makes the report that a submission stands for. Its label says for which epoch it is.
func (c *scene) payload(group *membership.Group, s simulation.Submission) []byte {
	if c.group == nil {
		c.describe(group)
	}
	epoch := c.epochOf(s.Label)
	report := metrics.Report{Description: c.hashes[epoch-1], Mixnodes: c.world.Mixnodes(), Values: c.values(epoch, s.Node)}
	payload, err := report.Encode()
	if err != nil {
		panic(fmt.Sprintf("simulate: a report that no Nym-API makes: %v", err))
	}
	return payload
}

// values returns what a node reports for an epoch.
func (c *scene) values(epoch, node int) []metrics.Uptime {
	values := make([]metrics.Uptime, c.mixnodes)
	if c.liars[node] {
		return values
	}
	samples := make([]uint8, 0, ticks)
	for mix := range values {
		samples = samples[:0]
		for tick := range int64(ticks) {
			if value, ok := c.world.Sample(node+1, mix, int64(epoch-1)*ticks+tick); ok {
				samples = append(samples, value)
			}
		}
		values[mix] = metrics.Average(samples)
	}
	return values
}

// describe fixes the descriptions of all epochs. The contract's key signs nothing here.
func (c *scene) describe(group *membership.Group) {
	c.group = group
	rules := contract.Rules{
		Estimator: c.estimator.Name(), Version: c.estimator.Version(), Coverage: uint16(quorum.Coverage(group.N())), Mode: contract.ModeFull,
	}
	for epoch := 1; epoch <= c.epochs; epoch++ {
		d := contract.Description{
			Network: group.Network(), Epoch: contract.Epoch(epoch), Start: contract.Millis(simulation.Beginning + c.end(epoch-1)),
			End: contract.Millis(simulation.Beginning + c.end(epoch)), Group: group, Mixnodes: c.world.Mixnodes(), Rules: rules,
		}
		c.descriptions = append(c.descriptions, d)
		c.hashes = append(c.hashes, d.Hash())
	}
}

// epochOf returns the epoch whose label this is, 0 if it is none.
func (c *scene) epochOf(label string) int {
	for epoch := 1; epoch <= c.epochs; epoch++ {
		if contract.Epoch(epoch).Label() == label {
			return epoch
		}
	}
	return 0
}

// read looks at a message as a report, once.
func (c *scene) read(m block.Message) reading {
	known, ok := c.readings[m.ID()]
	if ok {
		return known
	}
	node, member := c.places[m.Sender()]
	if epoch := c.epochOf(m.Label()); epoch > 0 && member && c.group != nil {
		report, err := metrics.DecodeReport(m.Payload(), metrics.LimitsFor(c.mixnodes))
		if err == nil {
			d := c.descriptions[epoch-1]
			known = reading{epoch: epoch, node: node, count: report.Description == c.hashes[epoch-1] && d.SameMixnodes(report.Mixnodes)}
		}
	}
	c.readings[m.ID()] = known
	return known
}

// judge looks at a block, once: the reports of n-f members must count for one epoch, the first of
// each member. It is what package rewards and verify.Matrix decide, from messages that were read
// before; ledger.judge holds both against each other.
func (c *scene) judge(b block.Block) verdict {
	id := b.ID()
	if known, ok := c.verdicts[id]; ok {
		return known
	}
	byEpoch := map[int]*verdict{}
	var found []*verdict
	for _, m := range b.Messages {
		r := c.read(m)
		if !r.count {
			continue
		}
		v := byEpoch[r.epoch]
		if v == nil {
			v = &verdict{epoch: r.epoch, reporters: make([]bool, c.nodes)}
			byEpoch[r.epoch] = v
			found = append(found, v)
		}
		if !v.reporters[r.node] {
			v.reporters[r.node] = true
			v.count++
		}
	}
	result := verdict{reason: fmt.Sprintf("no epoch's reports by at least %d members", quorum.Correct(c.nodes))}
	for _, v := range found {
		switch {
		case v.count < quorum.Correct(c.nodes):
		case result.epoch != 0:
			result = verdict{reason: "reports of two epochs in one block"}
		default:
			result = *v
		}
	}
	c.verdicts[id] = result
	return result
}

// verified is what package verify says about a block.
func (c *scene) verified(b block.Block, epoch int) (metrics.Matrix, metrics.Result, []verify.Reporter, error) {
	d := c.descriptions[epoch-1]
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
	report, err := metrics.Report{Mixnodes: source.Mixnodes(), Values: slices.Repeat([]metrics.Uptime{metrics.Full}, mixnodes)}.Encode()
	return len(report), err
}
