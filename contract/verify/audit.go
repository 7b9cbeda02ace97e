package verify

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// ErrMismatch reports a bundle that does not prove what the contract claims.
var ErrMismatch = errors.New("audit failed")

// Audited is the content of a settled epoch that passed the audit. Of a missed one it has only
// Description and Record. Record is zero for a core of version 1, which has none.
type Audited struct {
	Verified
	Record      contract.Record
	Description contract.Description
	Submission  contract.Submission
	Receipt     contract.Receipt
	Rewards     []contract.Reward
}

// Proven reports whether the rewards follow from signed measurements. Otherwise they rest on the
// statement of one Nym-API, or of anyone.
func (a Audited) Proven() bool { return a.Description.Rules.Mode == contract.ModeFull }

// Audit recomputes everything in one epoch's core, offline: description, submission with block and
// certificate, result, rewards, and the contract's receipt and record over them. The error wraps
// ErrMismatch and names the part that does not fit.
//
// Audit checks that a core is consistent. The caller compares its contract and group with those it
// trusts (Description.ContractKey, Description.Group). Checking a carried value or the chain of
// records needs the earlier epochs: see package check.
func Audit(c contract.Core) (Audited, error) {
	a, err := audit(c)
	if err == nil && a.Record.Epoch != 0 && !a.Record.Verify() {
		err = errors.New("record: bad signature")
	}
	if err != nil {
		return Audited{}, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	return a, nil
}

// audit is Audit without the signature of the record.
func audit(c contract.Core) (Audited, error) {
	a := Audited{Rewards: c.Rewards}
	var err error
	if a.Description, err = contract.DecodeDescription(c.Description); err != nil {
		return a, err
	}
	if c.Version > 1 {
		if a.Record, err = contract.DecodeRecord(c.Record); err != nil {
			return a, err
		}
	}
	if !c.Missed() {
		if err := a.winner(c); err != nil {
			return a, err
		}
	}
	if c.Version == 1 {
		return a, nil
	}
	return a, auditRecord(a, c)
}

// winner adds the parts of a rewarded epoch.
func (a *Audited) winner(c contract.Core) error {
	d := a.Description
	var err error
	if a.Submission, err = contract.DecodeSubmission(c.Submission, contract.MaxSubmissionBytes(d.Group, len(d.Mixnodes))); err != nil {
		return err
	}
	if a.Receipt, err = contract.DecodeReceipt(c.Receipt); err != nil {
		return err
	}
	if a.Verified, err = Submission(d, a.Submission); err != nil {
		return fmt.Errorf("submission: %w", err)
	}
	if err := Payment(d, a.Result, a.Rewards); err != nil {
		return err
	}
	return Receipt(d, a.Submission, a.BlockID(), a.Rewards, a.Receipt)
}

func auditRecord(a Audited, c contract.Core) error {
	r := a.Record
	switch {
	case r.Status == contract.StatusMissed && !c.Missed():
		return fmt.Errorf("record: epoch %d was missed, although it has a winner", r.Epoch)
	case r.Status == contract.StatusRewarded && c.Missed():
		return fmt.Errorf("record: epoch %d was %s, although it has no winner", r.Epoch, r.Status)
	case c.Missed():
		return Record(r, a.Description, contract.Hash{}, contract.Hash{})
	}
	return Record(r, a.Description, a.Receipt.Rewards, contract.Digest(c.Submission))
}

// Record checks that the record is about this description and settlement: the hash of the rewards
// and the digest of the submission are zero for a missed epoch. It does not check the signature.
// The error names what does not fit.
func Record(r contract.Record, d contract.Description, rewards, submission contract.Hash) error {
	switch {
	case r.Network != d.Network || r.Contract != d.ContractKey || r.Epoch != d.Epoch || r.Description != d.Hash():
		return fmt.Errorf("record: of epoch %d of contract %s, description %s; expected epoch %d of %s, description %s",
			r.Epoch, r.Contract, r.Description, d.Epoch, d.ContractKey, d.Hash())
	case r.Rewards != rewards:
		return fmt.Errorf("record: %s with rewards %s, expected %s", r.Status, r.Rewards, rewards)
	case r.Submission != submission:
		return fmt.Errorf("record: %s with submission %s, expected %s", r.Status, r.Submission, submission)
	}
	return nil
}

// Receipt checks that r is the receipt of the contract of d for a submission with that block, and
// for these rewards. The error names what does not fit.
func Receipt(d contract.Description, s contract.Submission, id block.ID, rewards []contract.Reward, r contract.Receipt) error {
	switch {
	case r.Network != d.Network || r.Contract != d.ContractKey:
		return fmt.Errorf("receipt: from contract %s of network %q", r.Contract, r.Network)
	case !r.Verify():
		return errors.New("receipt: bad signature")
	case r.Epoch != d.Epoch || r.Description != d.Hash():
		return fmt.Errorf("receipt: for epoch %d, description %s", r.Epoch, r.Description)
	case r.Block != id:
		return fmt.Errorf("receipt: for block %s", r.Block)
	case r.Submitter != s.Submitter:
		return fmt.Errorf("receipt: for a submission by %s", r.Submitter)
	case r.Rewards != contract.HashRewards(d.Network, d.Epoch, rewards):
		return fmt.Errorf("receipt: for rewards with hash %s", r.Rewards)
	}
	return nil
}

// Payment checks that the rewards are the result of the epoch of d, with old values only where it
// has none: whether these are the right ones, only earlier epochs show. The error names the first
// mixnode that differs.
func Payment(d contract.Description, result metrics.Result, rewards []contract.Reward) error {
	if len(rewards) != len(result.Mixnodes) {
		return fmt.Errorf("rewards: %d for %d mixnodes", len(rewards), len(result.Mixnodes))
	}
	for i, r := range rewards {
		fresh := result.Values[i]
		switch {
		case r.Mixnode != result.Mixnodes[i] || r.Reports != result.Reports[i]:
			return fmt.Errorf("rewards: mixnode %s from %d values, the result has %s from %d", r.Mixnode, r.Reports, result.Mixnodes[i], result.Reports[i])
		case r.CarriedFrom == 0 && r.Value != fresh:
			return fmt.Errorf("rewards: mixnode %s is paid %s, the result is %s", r.Mixnode, show(r.Value), show(fresh))
		case r.CarriedFrom != 0 && (fresh != metrics.Missing || r.Value == metrics.Missing):
			return fmt.Errorf("rewards: mixnode %s carries a value from epoch %d, the result is %s", r.Mixnode, r.CarriedFrom, show(fresh))
		case r.CarriedFrom != 0 && (r.CarriedFrom >= d.Epoch || d.Epoch-r.CarriedFrom > contract.Epoch(d.Rules.CarryLimit)):
			return fmt.Errorf("rewards: mixnode %s carries a value from epoch %d, which is more than %d epochs old", r.Mixnode, r.CarriedFrom, d.Rules.CarryLimit)
		}
	}
	return nil
}

// Describes checks the details that the contract publishes about the epoch against the evidence:
// window, status and its reason, winner, reporters and signers. There is no evidence for attempts,
// and Audit checks results. The error wraps ErrMismatch and names what differs.
func (a Audited) Describes(detail contract.EpochDetail) error {
	d, status := a.Description, cmp.Or(a.Record.Status, contract.StatusRewarded)
	switch {
	case detail.ID != d.Epoch || detail.Start != d.Start || detail.End != d.End:
		return fmt.Errorf("%w: shown as epoch %d from %s to %s, its description says epoch %d from %s to %s",
			ErrMismatch, detail.ID, detail.Start, detail.End, d.Epoch, d.Start, d.End)
	case detail.Status != status:
		return fmt.Errorf("%w: shown as %s, although the contract signed that it was %s", ErrMismatch, detail.Status, status)
	case detail.Reason != a.Record.Reason:
		return fmt.Errorf("%w: missed with the reason %q, the contract signed %q", ErrMismatch, detail.Reason, a.Record.Reason)
	case status == contract.StatusMissed && (detail.Winner != nil || detail.Receipt != nil):
		return fmt.Errorf("%w: shown with a winner, although it was missed", ErrMismatch)
	case status == contract.StatusMissed:
		return nil
	}
	return a.names(detail)
}

// names checks the members that the contract names in a rewarded epoch.
func (a Audited) names(detail contract.EpochDetail) error {
	reporters := slices.EqualFunc(a.Reporters, detail.Reporters, func(r Reporter, shown contract.Signatory) bool { return r.Key == shown.Key })
	signers := slices.EqualFunc(a.Signers, detail.Signers, func(key keys.Public, shown contract.Signatory) bool { return key == shown.Key })
	r, w := a.Receipt, detail.Winner
	switch {
	case w == nil || w.Key != r.Submitter || w.Block != r.Block || w.AcceptedAt != r.AcceptedAt:
		return fmt.Errorf("%w: the winner shown is not the one in the receipt, %s at %s with block %s", ErrMismatch, r.Submitter, r.AcceptedAt, r.Block)
	case !reporters:
		return fmt.Errorf("%w: the reporters shown are not the %d in the block", ErrMismatch, len(a.Reporters))
	case !signers:
		return fmt.Errorf("%w: the signers shown are not the %d of the certificate", ErrMismatch, len(a.Signers))
	}
	return nil
}
