package rules

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

// Report is a message decoded as a report. A verify.Rule decides whether it counts for an epoch.
type Report struct {
	verify.Reading
	Epoch contract.Epoch // of the message's label, 0 if that is not the label of an epoch
}

// Reader decodes a message as a report. It is Read, or a cache in front of it.
type Reader func(block.Message) (Report, error)

// Read decodes a message as a report. The error wraps verify.ErrNoReport.
func Read(m block.Message) (Report, error) {
	reading, err := verify.Read(m)
	if err != nil {
		return Report{}, err
	}
	epoch, _ := contract.ParseLabel(m.Label()) // 0 if it is not the label of an epoch
	return Report{Reading: reading, Epoch: epoch}, nil
}

// Admit returns the report in a message that a mempool accepts: it is from a member, under the
// label of an epoch, and well formed. The error wraps verify.ErrNoReport.
func Admit(group *membership.Group, m block.Message, read Reader) (Report, error) {
	if !group.Contains(m.Sender()) {
		return Report{}, fmt.Errorf("%w: sender %s is not a member of group %d", verify.ErrNoReport, m.Sender(), group.Number())
	}
	if _, err := contract.ParseLabel(m.Label()); err != nil {
		return Report{}, fmt.Errorf("%w: label %.40q, expected epoch/<number>", verify.ErrNoReport, m.Label())
	}
	return read(m)
}

// Under returns a reader for a verify.Rule that ignores messages with another label than the
// epoch's.
func (r Reader) Under(epoch contract.Epoch) func(block.Message) (verify.Reading, error) {
	return func(m block.Message) (verify.Reading, error) {
		report, err := r(m)
		if err == nil && report.Epoch != epoch {
			err = fmt.Errorf("%w of epoch %d: label %.40q", verify.ErrNoReport, epoch, m.Label())
		}
		return report.Reading, err
	}
}

// UnderAny returns a reader for a verify.Rule that ignores labels.
func (r Reader) UnderAny() func(block.Message) (verify.Reading, error) {
	return func(m block.Message) (verify.Reading, error) {
		report, err := r(m)
		return report.Reading, err
	}
}

// Claim says which epoch a block is about.
type Claim struct {
	Epoch       contract.Epoch
	Description contract.Hash
}

// ClaimOf returns the claim that the reports of at least n-f members make in a block. A block with
// two such claims is an error.
//
// An honest member reports once for each epoch. Only f members can therefore support two claims
// about one epoch, so at most one of these claims has n-f supporters. No honest creator makes a
// block with the reports of two epochs.
func ClaimOf(group *membership.Group, b block.Block, read Reader) (Claim, error) {
	reporters := map[Claim]map[keys.Public]bool{}
	for _, m := range b.Messages {
		report, err := read(m)
		if err != nil || report.Epoch == 0 || !group.Contains(m.Sender()) {
			continue
		}
		claim := Claim{Epoch: report.Epoch, Description: report.Description}
		if reporters[claim] == nil {
			reporters[claim] = map[keys.Public]bool{}
		}
		reporters[claim][m.Sender()] = true
	}
	var made Claim
	for claim, members := range reporters {
		switch {
		case len(members) < quorum.Correct(group.N()):
		case made != Claim{}:
			return Claim{}, errors.New("reports of two epochs in one block")
		default:
			made = claim
		}
	}
	if made == (Claim{}) {
		return Claim{}, fmt.Errorf("no epoch's reports by at least %d members", quorum.Correct(group.N()))
	}
	return made, nil
}
