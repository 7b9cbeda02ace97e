package check

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Verifier checks the bundles of one contract, of one epoch after the other. What one bundle cannot
// show is checked with those before it: the chain of records, carried values, weights and parents
// of blocks. It is not safe for concurrent use.
type Verifier struct {
	config  Config
	last    settlement                        // of the newest epoch, zero before the first
	records map[contract.Epoch]contract.Hash  // of all epochs
	results map[contract.Epoch]metrics.Result // of the epochs from which a value can be carried
	states  states
	blocks  map[block.Slot]block.ID // that were submitted
	summary Summary
}

// settlement is what the next epoch is compared with.
type settlement struct {
	core        contract.Hash
	description contract.Description
	record      contract.Record // zero without one
	receipt     contract.Receipt
}

// New returns a verifier.
func New(config Config) *Verifier {
	return &Verifier{
		config: config, records: map[contract.Epoch]contract.Hash{}, results: map[contract.Epoch]metrics.Result{},
		blocks: map[block.Slot]block.ID{}, summary: Summary{Trust: trustOf(config), Checks: newTotals()},
	}
}

// Next checks the bundle of the next epoch. Epochs must be given in ascending order; some may be
// left out unless Config says otherwise.
func (v *Verifier) Next(files Evidence) Report {
	e := &epoch{Verifier: v, files: files, lacks: map[part]lack{}}
	e.open()
	r := Report{Source: files.Source}
	for i, c := range checks {
		if f, applies := e.run(c); applies {
			f.Number, f.Name = i+1, c.name
			r.Findings = append(r.Findings, f)
		}
	}
	e.describe(&r)
	v.learn(e, intact(r))
	v.summary.add(r)
	return r
}

// Summary returns what was found about all epochs so far.
func (v *Verifier) Summary() Summary { return v.summary }

// intact reports whether the matrix of an epoch is that which was certified and paid: later epochs
// are compared with no other one.
func intact(r Report) bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool {
		return f.Outcome == Fail && f.Name != "group" && f.Name != "contract key" && !slices.Contains(sinceRecord, f.Name)
	})
}

// sinceRecord are the checks that say nothing about an epoch's matrix.
var sinceRecord = []string{"chain", "witness", "weights", "annex", "late", "refused", "evidence", "spread", "tables"}

// learn keeps what later epochs are compared with.
func (v *Verifier) learn(e *epoch, intact bool) {
	if !e.has(aDescription) {
		return
	}
	number := e.d.Epoch
	if v.last.description.Epoch > number {
		return // out of order, as the check "chain" says
	}
	v.last = settlement{core: e.core.Digest(), description: e.d, record: e.record, receipt: e.receipt}
	if e.has(aRecord) {
		v.records[number] = e.record.Hash()
	}
	if result, ok := e.outcome(); ok && intact {
		v.results[number] = result
	}
	for old := range v.results {
		if old+contract.MaxCarry < number {
			delete(v.results, old)
		}
	}
	v.states.settle(e, intact)
	if e.has(aBlock) {
		v.blocks[e.block.Header.Slot()] = e.block.ID()
	}
	for _, late := range e.verified {
		v.blocks[late.Block.Header.Slot()] = late.BlockID()
	}
}

// outcome returns the measured values of an epoch, none for a missed one.
func (e *epoch) outcome() (metrics.Result, bool) {
	switch {
	case e.core.Missed():
		return metrics.Result{}, true
	case e.recomputed != nil:
		return *e.recomputed, true
	case e.has(aClaim) && e.d.Rules.Mode != contract.ModeFull:
		return e.claimed, true
	}
	return metrics.Result{}, false
}

// describe fills in what the report says about the epoch itself.
func (e *epoch) describe(r *Report) {
	if e.has(aCore) {
		r.Status = contract.StatusRewarded
		if e.core.Missed() {
			r.Status = contract.StatusMissed
		}
	}
	r.Reporters, r.Signers = []contract.Signatory{}, []contract.Signatory{}
	if !e.has(aDescription) {
		return
	}
	r.Epoch, r.Mode, r.Network = e.d.Epoch, e.d.Rules.Mode, e.d.Network
	r.N, r.F, r.Q = e.d.Group.N(), e.d.Group.F(), e.d.Group.Q()
	if e.has(aSubmission) && r.Mode != contract.ModePerformance { // where nobody wins
		r.Winner = &e.config.signatories([]keys.Public{e.submission.Submitter})[0]
	}
	if e.has(aMatrix) {
		for _, reporter := range e.reporters {
			r.Reporters = append(r.Reporters, e.config.signatories([]keys.Public{reporter.Key})...)
		}
	}
	r.Signers = e.config.signatories(e.signers)
}
