package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Accusation is what an evidence file proves.
type Accusation struct {
	evidence.Proof
	// Epoch is that of two reports or two receipts, 0 for headers and certificates.
	Epoch contract.Epoch `json:"epoch,omitzero"`
}

// Accused is whom an evidence file may convict. The zero value of a field means that it is not
// known: then keys are convicted that may be nobody's, and a Fork proves nothing.
type Accused struct {
	Group    *membership.Group
	Contract keys.Public
}

// Accuse returns what an evidence file proves: that a member signed two reports for one epoch or
// two headers of one slot, that more than f members signed two certified blocks of one slot, or
// that the contract signed two receipts for one epoch. The error wraps evidence.ErrProvesNothing
// and says why.
//
// Two messages under the label of an epoch convict their sender if both are reports that name one
// description: a correct Nym-API signs one report for each.
func Accuse(f evidence.File, accused Accused) (Accusation, error) {
	if f.Kind == contract.TwoReceipts {
		return accuseContract(f, accused)
	}
	proof, err := f.Verify(accused.Group)
	if err != nil || f.Kind != evidence.TwoMessages {
		return Accusation{Proof: proof}, err
	}
	epoch, err := reportsOf(f, accused.Group)
	if err != nil {
		return Accusation{}, fmt.Errorf("%w: %w", evidence.ErrProvesNothing, err)
	}
	return Accusation{Proof: proof, Epoch: epoch}, nil
}

// reportsOf returns the epoch of which both messages are reports. Their label is the same.
func reportsOf(f evidence.File, group *membership.Group) (contract.Epoch, error) {
	a, b, err := f.Messages(group)
	if err != nil {
		return 0, err
	}
	epoch, err := contract.ParseLabel(a.Label())
	if err != nil {
		return 0, fmt.Errorf("the label %q is not that of an epoch", a.Label())
	}
	first, err := Read(a)
	if err != nil {
		return 0, fmt.Errorf("message %s: %w", a.ID(), err)
	}
	second, err := Read(b)
	if err != nil {
		return 0, fmt.Errorf("message %s: %w", b.ID(), err)
	}
	if first.Description != second.Description {
		return 0, fmt.Errorf("the reports name two descriptions, %s and %s", first.Description, second.Description)
	}
	return epoch, nil
}

func accuseContract(f evidence.File, accused Accused) (Accusation, error) {
	two, err := contract.DecodeEquivocation(f)
	key := accused.Contract
	if key == (keys.Public{}) {
		key = two.First.Contract
	}
	if err == nil {
		err = Equivocation(key, two.First, two.Second)
	}
	if err == nil && accused.Group != nil && two.First.Network != accused.Group.Network() {
		err = fmt.Errorf("the receipts are of network %q, expected %q", two.First.Network, accused.Group.Network())
	}
	if err != nil {
		return Accusation{}, fmt.Errorf("%w: %w", evidence.ErrProvesNothing, err)
	}
	digest := func(r contract.Receipt) string {
		hash := sha256.Sum256(r.Encode())
		return hex.EncodeToString(hash[:])
	}
	return Accusation{Epoch: two.First.Epoch, Proof: evidence.Proof{
		Kind: f.Kind, Network: two.First.Network, Culprits: []keys.Public{key},
		Signed: [2]string{digest(two.First), digest(two.Second)},
	}}, nil
}

// Sentence says what the accusation proves, such as "nymapi-1 signed two reports for epoch 5". The
// function name returns what to call a key.
func (a Accusation) Sentence(name func(keys.Public) string) string {
	switch a.Kind {
	case contract.TwoReceipts:
		return fmt.Sprintf("the contract signed two receipts for epoch %d", a.Epoch)
	case evidence.TwoMessages:
		return fmt.Sprintf("%s signed two reports for epoch %d", name(a.Culprits[0]), a.Epoch)
	}
	return a.Proof.Sentence(name)
}

// FileName returns the customary name of the file, as evidence.Proof does, but with the epoch if
// there is one.
func (a Accusation) FileName() string {
	if a.Epoch == 0 {
		return a.Proof.FileName()
	}
	kind := map[evidence.Kind]string{evidence.TwoMessages: "two-reports", contract.TwoReceipts: "two-receipts"}[a.Kind]
	return fmt.Sprintf("%s-%s-epoch-%d%s", kind, hex.EncodeToString(a.Culprits[0][:8]), a.Epoch, evidence.Extension)
}
