package rules

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

// Report is a message read as a report. Whether it counts for an epoch is up to a verify.Rule.
type Report struct {
	verify.Reading
	Epoch contract.Epoch // of the message's label, 0 if that is not the label of an epoch
}

// Reader reads a message as a report: Read, or a cache in front of it.
type Reader func(block.Message) (Report, error)

// Read reads a message as a report. It is a function of the message alone. The error wraps
// verify.ErrNoReport.
func Read(m block.Message) (Report, error) {
	reading, err := verify.Read(m)
	if err != nil {
		return Report{}, err
	}
	return Report{Reading: reading, Epoch: epochOf(m.Label())}, nil
}

func epochOf(label string) contract.Epoch {
	number, ok := strings.CutPrefix(label, "epoch/")
	if !ok {
		return 0
	}
	epoch, err := contract.ParseEpoch(number)
	if err != nil || epoch.Label() != label {
		return 0
	}
	return epoch
}

// Admit returns the report that a mempool takes: of a member, under the label of an epoch, and well
// formed. Which reports count is decided for a block. The error wraps verify.ErrNoReport.
func Admit(group *membership.Group, m block.Message, read Reader) (Report, error) {
	if !group.Contains(m.Sender()) {
		return Report{}, fmt.Errorf("%w: sender %s is not a member of group %d", verify.ErrNoReport, m.Sender(), group.Number())
	}
	if epochOf(m.Label()) == 0 {
		return Report{}, fmt.Errorf("%w: label %.40q, expected epoch/<number>", verify.ErrNoReport, m.Label())
	}
	return read(m)
}

// Under returns what a verify.Rule reads with: the report of a message whose label is that of the
// epoch, and an error for every other message.
func (r Reader) Under(epoch contract.Epoch) func(block.Message) (verify.Reading, error) {
	return func(m block.Message) (verify.Reading, error) {
		report, err := r(m)
		if err == nil && report.Epoch != epoch {
			err = fmt.Errorf("%w of epoch %d: label %.40q", verify.ErrNoReport, epoch, m.Label())
		}
		return report.Reading, err
	}
}

// UnderAny returns what a verify.Rule reads with where labels make no difference.
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

// ClaimOf returns the one claim that the reports of at least n-f members of the group make in a
// block. It is a function of the block's bytes and the group.
//
// An honest member reports once for each epoch, so only f members can support two claims for one
// epoch, and at most one claim per epoch has n-f supporters. A block with the reports of two epochs
// breaks the rules.
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
