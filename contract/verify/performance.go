package verify

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Batch returns what a monitor submits with a batch for the epoch of d: an entry for each mixnode
// that it has a value of, with its place in the description, from 1, as the number of the node. The
// error is a *Refusal.
func Batch(d contract.Description, s contract.Submission) ([]performance.Entry, error) {
	if err := Addressed(d, s); err != nil {
		return nil, err
	}
	measured, err := metrics.DecodeResult(s.Result, metrics.LimitsFor(len(d.Mixnodes)))
	switch {
	case err != nil:
		return nil, refuse(contract.BadEvidence, "values: %w", err)
	case !d.SameMixnodes(measured.Mixnodes):
		return nil, refuse(contract.WrongMixnodes, "the batch lists %d mixnodes that are not the %d of epoch %d", len(measured.Mixnodes), len(d.Mixnodes), d.Epoch)
	case len(s.Block)+len(s.Certificate) > 0:
		return nil, refuse(contract.BadEvidence, "a batch has neither block nor certificate")
	}
	if err := singleResult(measured); err != nil {
		return nil, err
	}
	var entries []performance.Entry
	for i, value := range measured.Values {
		if value != metrics.Missing {
			entries = append(entries, performance.Entry{Node: performance.NodeID(i + 1), Values: liveness(performance.PercentOf(value))})
		}
	}
	return entries, nil
}

// liveness returns the values of a node whose liveness alone was measured. Config multiplies the
// score, so it is full.
func liveness(value performance.Percent) performance.Values {
	values := performance.NoValues()
	values[performance.Liveness], values[performance.Config] = value, performance.Full
	return values
}

// Performance returns the result that the rules of package performance make of the values of an
// epoch: for each mixnode the score of its medians, with liveness at weight 1. Mixnodes without a
// value are missing; what looks back to earlier epochs is Values.Fill.
func Performance(d contract.Description, raw contract.RawValues) (metrics.Result, error) {
	if len(raw) != len(d.Mixnodes) {
		return metrics.Result{}, fmt.Errorf("values of %d mixnodes, epoch %d has %d", len(raw), d.Epoch, len(d.Mixnodes))
	}
	result := metrics.Result{Mixnodes: d.Mixnodes, Values: make([]metrics.Uptime, len(raw)), Reports: make([]uint16, len(raw))}
	for i, percents := range raw {
		var bundle performance.Bundle
		for _, percent := range percents {
			bundle.Insert(liveness(performance.Percent(percent)))
		}
		result.Values[i] = performance.LivenessOnly().Score(bundle.Medians()).Uptime()
		result.Reports[i] = uint16(len(percents))
	}
	return result, nil
}

// samePerformance compares the claimed result with that of the values in the submission.
func samePerformance(d contract.Description, s contract.Submission, claimed metrics.Result) error {
	if len(s.Certificate) > 0 {
		return refuse(contract.BadEvidence, "the submission has a certificate, which proves nothing in mode %s", d.Rules.Mode)
	}
	raw, err := contract.DecodeRawValues(s.Block)
	if err != nil {
		return refuse(contract.BadEvidence, "raw values: %w", err)
	}
	recomputed, err := Performance(d, raw)
	if err != nil {
		return refuse(contract.BadEvidence, "raw values: %w", err)
	}
	return sameResult(s.Result, claimed, recomputed)
}
