// Package verify answers one question: is this submission justified? It is pure: bytes and a
// description in, a verdict with its reason out; no clock, database or socket. Nym-APIs, the
// contract and an auditor who was not there call the same functions and come to the same answer,
// bit for bit.
//
// Matrix is the rule that makes rows of a block's messages, Result the one that makes a result of
// rows, Submission checks a whole submission with them, and Audit everything that the contract
// keeps of an epoch. What the data looks like: package contract.
package verify

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

var (
	// ErrNotOfEpoch reports a block of another group than the description's.
	ErrNotOfEpoch = errors.New("no block of this epoch")
	// ErrTooFewReports reports a block that does not hold the reports of n-f members. Such a block is
	// none of this epoch either: errors.Is finds ErrNotOfEpoch as well.
	ErrTooFewReports = fmt.Errorf("%w: too few reports", ErrNotOfEpoch)
)

// Reporter is a member whose report counts, and the message of the block that holds it.
type Reporter struct {
	Key     keys.Public
	Message block.MessageID
}

// Matrix returns the reports of b that count for the epoch described by d as rows, and who made
// them in the order of the block. The name of a row is the reporter's peer ID.
//
// It takes all messages of the block in their order, whatever their labels. A message counts if its
// sender is a member of the description's group, its payload is a report that carries the
// description's hash and lists exactly the description's mixnodes, and no earlier message of that
// sender counted. Everything else is ignored, so that garbage spoils nobody's block. At least n-f
// must count, and the block must be of the description's group; otherwise the error is
// ErrTooFewReports or ErrNotOfEpoch.
//
// The signatures of the messages must have been verified: see block.Block.VerifySignatures.
func Matrix(b block.Block, d contract.Description) (metrics.Matrix, []Reporter, error) {
	if b.Header.Group != d.Group.ID() {
		return metrics.Matrix{}, nil, fmt.Errorf("%w: it is of group %s, the epoch's is %s", ErrNotOfEpoch, b.Header.Group, d.Group.ID())
	}
	var (
		hash      = d.Hash()
		limits    = metrics.LimitsFor(len(d.Mixnodes))
		counted   = make(map[keys.Public]bool, d.Group.N())
		rows      []metrics.Row
		reporters []Reporter
	)
	for _, m := range b.Messages {
		if !d.Group.Contains(m.Sender()) || counted[m.Sender()] {
			continue
		}
		report, err := metrics.DecodeReport(m.Payload(), limits)
		if err != nil || report.Description != hash || !d.SameMixnodes(report.Mixnodes) {
			continue
		}
		counted[m.Sender()] = true
		rows = append(rows, metrics.Row{Reporter: m.Sender().PeerID(), Values: report.Values})
		reporters = append(reporters, Reporter{Key: m.Sender(), Message: m.ID()})
	}
	if need := quorum.Correct(d.Group.N()); len(rows) < need {
		return metrics.Matrix{}, nil, fmt.Errorf("%w: %d of the epoch's reports, expected at least %d", ErrTooFewReports, len(rows), need)
	}
	matrix, err := metrics.NewMatrix(d.Mixnodes, rows)
	if err != nil {
		return metrics.Matrix{}, nil, fmt.Errorf("matrix of epoch %d: %w", d.Epoch, err)
	}
	return matrix, reporters, nil
}

// Result returns what the description's rules make of a matrix. The error says that this program
// does not have the estimator.
func Result(m metrics.Matrix, d contract.Description) (metrics.Result, error) {
	estimator, err := d.Estimator()
	if err != nil {
		return metrics.Result{}, err
	}
	rule := metrics.Rule{Estimator: estimator, F: d.Group.F(), Coverage: int(d.Rules.Coverage)}
	return rule.Apply(m), nil
}
