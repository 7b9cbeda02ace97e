package contract

import (
	"crypto/sha256"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Record is the contract's signed statement how an epoch was settled: rewarded or missed. There is
// one for each epoch, and each names the one before by its hash; that of epoch 1 names a zero one.
// So an epoch cannot be removed, or declared missed, without signing all later records again.
type Record struct {
	_           struct{}       `cbor:",toarray"`
	Network     string         `json:"network"`
	Contract    keys.Public    `json:"contract_key"`
	Epoch       Epoch          `json:"epoch"`
	Previous    Hash           `json:"previous"` // hash of the record before
	Description Hash           `json:"description"`
	Status      Status         `json:"status"`     // StatusRewarded or StatusMissed
	Rewards     Hash           `json:"rewards"`    // as in the Receipt, zero if missed
	Submission  Hash           `json:"submission"` // Digest of the winner's submission, zero if missed
	Reason      string         `json:"reason"`     // why it was missed, empty if rewarded
	SettledAt   Millis         `json:"settled_at"`
	Origin      Origin         `json:"origin"`
	Signature   keys.Signature `json:"signature"`
}

// Origin says when a record was signed.
type Origin string

const (
	// OriginSettlement is a record that was signed when the epoch was settled.
	OriginSettlement Origin = "settlement"
	// OriginMigration is a record that was signed later, because an earlier version of the contract,
	// which had no records, settled the epoch.
	OriginMigration Origin = "migration"
)

type recordContent struct {
	_           struct{} `cbor:",toarray"`
	Network     string
	Contract    keys.Public
	Epoch       Epoch
	Previous    Hash
	Description Hash
	Status      Status
	Rewards     Hash
	Submission  Hash
	Reason      string
	SettledAt   Millis
	Origin      Origin
}

const (
	recordDomain = "contract/record/v1"
	// MaxReasonBytes bounds Record.Reason.
	MaxReasonBytes = 1 << 10
	maxRecordBytes = 2 << 10
)

// Validate returns nil if every field has an allowed value, otherwise an error that wraps
// ErrInvalid. It does not check the signature.
func (r Record) Validate() error {
	if err := membership.CheckNetwork(r.Network); err != nil {
		return fmt.Errorf("%w: record: %w", ErrInvalid, err)
	}
	missed := r.Status == StatusMissed
	switch {
	case r.Epoch == 0:
		return fmt.Errorf("%w: record of epoch 0, expected 1 or more", ErrInvalid)
	case r.Origin != OriginSettlement && r.Origin != OriginMigration:
		return fmt.Errorf("%w: record of epoch %d with origin %.20q, expected settlement or migration", ErrInvalid, r.Epoch, r.Origin)
	case (r.Previous == Hash{}) != (r.Epoch == 1):
		return fmt.Errorf("%w: record of epoch %d after record %s, expected none before epoch 1 and one before all others", ErrInvalid, r.Epoch, r.Previous)
	case !missed && r.Status != StatusRewarded:
		return fmt.Errorf("%w: record of epoch %d with status %.20q, expected rewarded or missed", ErrInvalid, r.Epoch, r.Status)
	case missed != (r.Rewards == Hash{}) || missed != (r.Submission == Hash{}):
		return fmt.Errorf("%w: record of epoch %d, which was %s, with rewards %s and submission %s", ErrInvalid, r.Epoch, r.Status, r.Rewards, r.Submission)
	case missed != (r.Reason != "") || len(r.Reason) > MaxReasonBytes:
		return fmt.Errorf("%w: record of epoch %d, which was %s, with a reason of %d bytes, expected 1..%d if missed", ErrInvalid, r.Epoch, r.Status, len(r.Reason), MaxReasonBytes)
	}
	return nil
}

// Sign returns the record as signed by the contract.
func (r Record) Sign(contract block.Signer) Record {
	r.Contract = contract.Public()
	r.Signature = contract.Sign(r.signing())
	return r
}

// Verify reports whether the contract that the record names signed it. Callers compare that key
// with the one they know.
func (r Record) Verify() bool { return r.Contract.Verify(r.signing(), r.Signature) }

// Hash returns the SHA-256 of what the contract signs. The next record names it.
func (r Record) Hash() Hash { return sha256.Sum256(r.signing()) }

func (r Record) signing() []byte {
	return keys.SigningBytes(recordDomain, r.Network, canonical.Encode(recordContent{
		Network: r.Network, Contract: r.Contract, Epoch: r.Epoch, Previous: r.Previous, Description: r.Description, Status: r.Status,
		Rewards: r.Rewards, Submission: r.Submission, Reason: r.Reason, SettledAt: r.SettledAt, Origin: r.Origin,
	}))
}

// Encode returns the canonical bytes.
func (r Record) Encode() []byte { return canonical.Encode(r) }

// DecodeRecord decodes what Encode returned. The record is valid, but its signature may not be: see
// Verify. The error wraps ErrInvalid.
func DecodeRecord(data []byte) (Record, error) {
	var r Record
	if err := canonical.Decode(data, maxRecordBytes, &r); err != nil {
		return Record{}, fmt.Errorf("%w: record: %w", ErrInvalid, err)
	}
	return r, r.Validate()
}
