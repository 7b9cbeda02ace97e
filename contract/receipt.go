package contract

import (
	"crypto/sha256"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Reward is what the contract stores about one mixnode in one epoch.
type Reward struct {
	_       struct{}       `cbor:",toarray"`
	Mixnode metrics.MixID  `json:"mixnode"`
	Value   metrics.Uptime `json:"value"`   // hundredths of a percent, null if missing
	Reports uint16         `json:"reports"` // number of values in the epoch's matrix
	// CarriedFrom is the epoch in which an old value was measured, 0 for a new or a missing value.
	CarriedFrom Epoch `json:"carried_from,omitempty"`
}

type hashedRewards struct {
	_       struct{} `cbor:",toarray"`
	Epoch   Epoch
	Rewards []Reward
}

const (
	rewardsDomain = "contract/rewards/v1"
	receiptDomain = "contract/receipt/v1"
)

// HashRewards returns the hash of an epoch's stored rewards, carried values included. A receipt
// signs this hash.
func HashRewards(network string, epoch Epoch, rewards []Reward) Hash {
	return sha256.Sum256(keys.SigningBytes(rewardsDomain, network, canonical.Encode(hashedRewards{Epoch: epoch, Rewards: rewards})))
}

// Receipt is the contract's signed statement that a submission won its epoch. A retry returns the
// same bytes.
type Receipt struct {
	_           struct{}       `cbor:",toarray"`
	Network     string         `json:"network"`
	Contract    keys.Public    `json:"contract_key"`
	Epoch       Epoch          `json:"epoch"`
	Description Hash           `json:"description"`
	Block       block.ID       `json:"block"` // zero if the submission had none
	Rewards     Hash           `json:"rewards"`
	Submitter   keys.Public    `json:"submitter"`
	AcceptedAt  Millis         `json:"accepted_at"`
	Signature   keys.Signature `json:"signature"`
}

type receiptContent struct {
	_           struct{} `cbor:",toarray"`
	Network     string
	Contract    keys.Public
	Epoch       Epoch
	Description Hash
	Block       block.ID
	Rewards     Hash
	Submitter   keys.Public
	AcceptedAt  Millis
}

// Sign returns the receipt as signed by the contract.
func (r Receipt) Sign(contract block.Signer) Receipt {
	r.Contract = contract.Public()
	r.Signature = contract.Sign(r.signing())
	return r
}

// Verify reports whether the contract that the receipt names signed it. Callers compare that key
// with the one they know.
func (r Receipt) Verify() bool {
	return membership.CheckNetwork(r.Network) == nil && r.Contract.Verify(r.signing(), r.Signature)
}

func (r Receipt) signing() []byte {
	return keys.SigningBytes(receiptDomain, r.Network, canonical.Encode(receiptContent{
		Network: r.Network, Contract: r.Contract, Epoch: r.Epoch, Description: r.Description, Block: r.Block,
		Rewards: r.Rewards, Submitter: r.Submitter, AcceptedAt: r.AcceptedAt,
	}))
}

// Encode returns the canonical bytes.
func (r Receipt) Encode() []byte { return canonical.Encode(r) }

const maxReceiptBytes = 1 << 10

// DecodeReceipt decodes what Encode returned. It does not check the signature: see Verify. The
// error wraps ErrInvalid.
func DecodeReceipt(data []byte) (Receipt, error) {
	var r Receipt
	if err := canonical.Decode(data, maxReceiptBytes, &r); err != nil {
		return Receipt{}, fmt.Errorf("%w: receipt: %w", ErrInvalid, err)
	}
	return r, nil
}

// Equivocation is two receipts of one contract for one epoch. They prove that the contract signed
// twice if verify.Equivocation returns nil. In JSON it is a proof that anyone can check offline.
type Equivocation struct {
	First  Receipt `json:"first"`
	Second Receipt `json:"second"`
}
