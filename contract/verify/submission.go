package verify

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Refusal is the error of a submission that is not justified. Its Kind is that of the problem that
// the contract responds with.
type Refusal struct {
	Kind   contract.Kind
	Detail string
	cause  error
}

// Error returns the detail.
func (r *Refusal) Error() string { return r.Detail }

// Is reports whether target is the refusal's kind.
func (r *Refusal) Is(target error) bool {
	kind, ok := target.(contract.Kind)
	return ok && kind == r.Kind
}

// Unwrap returns the cause, nil if there is no other error.
func (r *Refusal) Unwrap() error { return r.cause }

func refuse(kind contract.Kind, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Refusal{Kind: kind, Detail: err.Error(), cause: errors.Unwrap(err)}
}

// Verified is the content of a justified submission. Matrix, Reporters, Signers, Block and
// Certificate are set in ModeFull only.
type Verified struct {
	Result      metrics.Result
	Matrix      metrics.Matrix
	Reporters   []Reporter    // in the order of the block
	Signers     []keys.Public // of the certificate, in byte order
	Block       block.Block
	Certificate certificate.Certificate
}

// BlockID returns the ID of the submission's block, zero if it has no block.
func (v Verified) BlockID() block.ID {
	if v.Block.Header.Height == 0 {
		return block.ID{}
	}
	return v.Block.ID()
}

// Submission checks that s is justified under the rules of d: it was made for exactly this
// description by a submitter that may submit. In ModeFull its block must also be the submitter's
// own, certified in the description's group, and yield exactly the submitted result. The error is a
// *Refusal with the first reason found; cheap checks come first.
//
// In ModeNone it checks only the form of the result. In ModePerformance it recomputes the result
// from the values that the contract says it holds; nothing shows who submitted them.
func Submission(d contract.Description, s contract.Submission) (Verified, error) {
	return (*Messages)(nil).Submission(d, s)
}

// Submission is Submission for one of several about the same epoch.
func (m *Messages) Submission(d contract.Description, s contract.Submission) (Verified, error) {
	if err := Sender(d, s); err != nil {
		return Verified{}, err
	}
	return m.evidence(d, s)
}

// Sender checks that s is signed by a submitter that may submit under the rules of d. The error is
// a *Refusal of kind NotMember, NotAuthorised or BadSignature.
func Sender(d contract.Description, s contract.Submission) error {
	switch {
	case d.Rules.Mode == contract.ModeNone:
		return nil
	case d.Rules.Mode == contract.ModePerformance && s.Submitter != d.ContractKey:
		return refuse(contract.NotAuthorised, "%s may not submit a result: in mode %s the contract computes it from batches", s.Submitter, d.Rules.Mode)
	case d.Rules.Mode == contract.ModePerformance && s.Verify():
		return nil
	case d.Rules.Mode == contract.ModePerformance:
		return refuse(contract.BadSignature, "the submission is not signed by the contract")
	case !d.Group.Contains(s.Submitter):
		return refuse(contract.NotMember, "%s is not a member of group %d", s.Submitter, d.Group.Number())
	case d.Rules.Mode == contract.ModeSingle && s.Submitter != d.Rules.Authorised:
		return refuse(contract.NotAuthorised, "%s may not submit, only %s may", s.Submitter, d.Rules.Authorised)
	case !s.Verify():
		return refuse(contract.BadSignature, "the submission is not signed by %s", s.Submitter)
	}
	return nil
}

// Evidence checks that the evidence in s yields its result. Sender must have accepted s. The error
// is a *Refusal.
func Evidence(d contract.Description, s contract.Submission) (Verified, error) {
	return (*Messages)(nil).evidence(d, s)
}

func (m *Messages) evidence(d contract.Description, s contract.Submission) (Verified, error) {
	if d.Rules.Mode != contract.ModeNone {
		if err := Addressed(d, s); err != nil {
			return Verified{}, err
		}
	}
	claimed, err := metrics.DecodeResult(s.Result, metrics.LimitsFor(len(d.Mixnodes)))
	if err != nil {
		return Verified{}, refuse(contract.BadEvidence, "result: %w", err)
	}
	if !d.SameMixnodes(claimed.Mixnodes) {
		return Verified{}, refuse(contract.WrongMixnodes, "the result lists %d mixnodes that are not the %d of epoch %d",
			len(claimed.Mixnodes), len(d.Mixnodes), d.Epoch)
	}
	switch d.Rules.Mode {
	case contract.ModeFull:
		return m.recompute(d, s, claimed)
	case contract.ModeSingle:
		if len(s.Block)+len(s.Certificate) > 0 {
			return Verified{}, refuse(contract.BadEvidence, "the submission has a block, which proves nothing in mode single: leave block and certificate out")
		}
		return Verified{Result: claimed}, singleResult(claimed)
	case contract.ModePerformance:
		return Verified{Result: claimed}, samePerformance(d, s, claimed)
	default:
		return Verified{Result: claimed}, nil
	}
}

// Addressed checks that s names the network, contract and epoch of d, and its hash. The error is a
// *Refusal.
func Addressed(d contract.Description, s contract.Submission) error {
	switch {
	case s.Network != d.Network:
		return refuse(contract.WrongContract, "the submission is for network %q, this is %q", s.Network, d.Network)
	case s.Contract != d.ContractKey:
		return refuse(contract.WrongContract, "the submission is for the contract with key %s, this one has %s", s.Contract, d.ContractKey)
	case s.Epoch != d.Epoch:
		return refuse(contract.WrongDescription, "the submission is for epoch %d, not for %d", s.Epoch, d.Epoch)
	case s.Description != d.Hash():
		return refuse(contract.WrongDescription, "the submission carries description %s, that of epoch %d is %s", s.Description, d.Epoch, d.Hash())
	}
	return nil
}

// recompute recomputes the claimed result from the submitter's certified block.
func (m *Messages) recompute(d contract.Description, s contract.Submission, claimed metrics.Result) (Verified, error) {
	v, err := m.certified(d, s)
	if err != nil {
		return Verified{}, err
	}
	recomputed, err := Result(v.Matrix, d)
	if err != nil {
		return Verified{}, refuse(contract.WrongResult, "%w", err)
	}
	if err := sameResult(s.Result, claimed, recomputed); err != nil {
		return Verified{}, err
	}
	v.Result = claimed
	return v, nil
}

// Certified decodes the block and the certificate of s and checks them: the block must be the
// submitter's own, certified in the description's group, and hold the reports of at least n-f
// members. It ignores the submitted result and leaves Result zero. The error is a *Refusal.
func Certified(d contract.Description, s contract.Submission) (Verified, error) {
	return (*Messages)(nil).certified(d, s)
}

func (m *Messages) certified(d contract.Description, s contract.Submission) (Verified, error) {
	var v Verified
	var err error
	if v.Block, err = block.Decode(s.Block, d.Group.Limits()); err != nil {
		return Verified{}, refuse(contract.BadEvidence, "block: %w", err)
	}
	if v.Block.Header.Group != d.Group.ID() {
		return Verified{}, refuse(contract.WrongGroup, "the block is of group %s, that of epoch %d is %s", v.Block.Header.Group, d.Epoch, d.Group.ID())
	}
	if v.Block.Header.Creator != s.Submitter {
		return Verified{}, refuse(contract.NotOwnBlock, "the block was created by %s, submit your own", v.Block.Header.Creator)
	}
	if v.Certificate, err = certificate.Decode(s.Certificate, d.Group.N()); err != nil {
		return Verified{}, refuse(contract.BadEvidence, "certificate: %w", err)
	}
	// The matrix is cheaper than the signatures, but it is only valid for signed messages.
	if err := m.verifyBlock(d, v.Block, v.Certificate); err != nil {
		return Verified{}, refuse(contract.NotCertified, "block %s: %w", v.Block.ID().Short(), err)
	}
	if v.Matrix, v.Reporters, err = m.matrix(v.Block, d); err != nil {
		return Verified{}, refuse(contract.TooFewReports, "block %s: %w", v.Block.ID().Short(), err)
	}
	v.Signers = v.Certificate.Members(d.Group)
	return v, nil
}

// sameResult compares the claimed result with the recomputed one bit for bit. The error names the
// first mixnode that differs.
func sameResult(encoded []byte, claimed, recomputed metrics.Result) error {
	again, err := recomputed.Encode()
	if err != nil {
		return refuse(contract.WrongResult, "recompute the result: %w", err)
	}
	if bytes.Equal(encoded, again) {
		return nil
	}
	for i, id := range recomputed.Mixnodes {
		if claimed.Values[i] != recomputed.Values[i] {
			return refuse(contract.WrongResult, "mixnode %s: submitted %s, the block's reports give %s", id, show(claimed.Values[i]), show(recomputed.Values[i]))
		}
		if claimed.Reports[i] != recomputed.Reports[i] {
			return refuse(contract.WrongResult, "mixnode %s: submitted with %d values, the block holds %d", id, claimed.Reports[i], recomputed.Reports[i])
		}
	}
	return refuse(contract.WrongResult, "the result is encoded differently than the recomputed one")
}

func show(u metrics.Uptime) string {
	if u == metrics.Missing {
		return "no value"
	}
	return u.String()
}

// singleResult checks that a result comes from the report of one Nym-API.
func singleResult(r metrics.Result) error {
	for i, id := range r.Mixnodes {
		if r.Reports[i] > 1 || (r.Reports[i] == 0) != (r.Values[i] == metrics.Missing) {
			return refuse(contract.WrongResult, "mixnode %s: %s from %d values, expected a value from one report, or no value",
				id, show(r.Values[i]), r.Reports[i])
		}
	}
	return nil
}
