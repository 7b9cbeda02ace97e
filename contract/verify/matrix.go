// Package verify decides whether a submission is justified. It is pure: bytes and a description in,
// a verdict with its reason out, without clock, database or socket. Nym-APIs, the contract and
// offline auditors call the same functions and get the same answer, bit for bit.
//
// Rule decides which reports count, Matrix turns them into rows, and Result turns rows into a
// result. Submission checks a whole submission with these, and Audit everything that the contract
// keeps about an epoch. Package contract has the types.
package verify

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

var (
	// ErrNotOfEpoch reports a block that is not about the epoch, for example of another group.
	ErrNotOfEpoch = errors.New("not a block of this epoch")
	// ErrTooFewReports reports a block that holds the reports of fewer than n-f members. It wraps
	// ErrNotOfEpoch.
	ErrTooFewReports = fmt.Errorf("%w: too few reports", ErrNotOfEpoch)
)

// Matrix returns the reports of b that count for the epoch of d as rows, and their reporters in the
// order of the block. The name of a row is the reporter's peer ID.
//
// It reads all messages of the block in order, whatever their labels. Rule decides which of them
// count; the others are ignored, so that garbage does not invalidate a block. At least n-f reports
// must count, and the block must be of the description's group, otherwise the error is
// ErrTooFewReports or ErrNotOfEpoch.
//
// The signatures of the messages must have been verified: see block.Block.VerifySignatures.
func Matrix(b block.Block, d contract.Description) (metrics.Matrix, []Reporter, error) {
	return (*Messages)(nil).matrix(b, d)
}

func (m *Messages) matrix(b block.Block, d contract.Description) (metrics.Matrix, []Reporter, error) {
	limits := metrics.LimitsFor(len(d.Mixnodes))
	picked, err := NewRule(d).Block(b, func(message block.Message) (Reading, error) { return m.read(message, limits) })
	if err != nil {
		return metrics.Matrix{}, nil, err
	}
	return MatrixOf(picked, d)
}

// MatrixOf is Matrix for reports that the Rule of d picked from a block. They must include their
// values.
func MatrixOf(picked []Reading, d contract.Description) (metrics.Matrix, []Reporter, error) {
	rows, reporters := make([]metrics.Row, len(picked)), make([]Reporter, len(picked))
	for i, report := range picked {
		rows[i] = metrics.Row{Reporter: report.Key.PeerID(), Values: report.values}
		reporters[i] = report.Reporter
	}
	matrix, err := metrics.NewMatrix(d.Mixnodes, rows)
	if err != nil {
		return metrics.Matrix{}, nil, fmt.Errorf("matrix of epoch %d: %w", d.Epoch, err)
	}
	return matrix, reporters, nil
}

// Result returns the result of a matrix under the description's rules. It is an error if this
// program does not have the estimator.
func Result(m metrics.Matrix, d contract.Description) (metrics.Result, error) {
	estimator, err := d.Estimator()
	if err != nil {
		return metrics.Result{}, err
	}
	rule := metrics.Rule{Estimator: estimator, F: d.Group.F(), Coverage: int(d.Rules.Coverage), History: d.State.Metrics()}
	return rule.Apply(m), nil
}
