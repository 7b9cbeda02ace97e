package contract

import (
	"bytes"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Annex is what the contract received about an epoch in addition to the winner, until the epoch
// closed. The contract signs it then. It changes nothing about the rewards. Collected.Seal makes an
// annex, and Open reads it together with its core. docs/BUNDLE.md specifies the format.
type Annex struct {
	_        struct{} `cbor:",toarray"`
	Version  uint8    // AnnexVersion
	Network  string
	Contract keys.Public
	Epoch    Epoch
	Core     Hash // Digest of the epoch's Core
	SealedAt Millis
	// Late are the submissions that verified, but were not the first: one of each submitter, strictly
	// ascending by Submitter.
	Late []Late
	// Messages are the encoded messages (block.Message.Encode) that late submissions or double
	// reports need and the core does not hold, strictly ascending by their bytes.
	Messages [][]byte `most:"65536"`
	// Results are the encoded results (metrics.Result.Encode) of late submissions other than the
	// winner's, strictly ascending by their bytes.
	Results [][]byte `most:"1024"`
	// Refused are the other submissions, of which only the digest is kept, in the order of arrival.
	Refused []Refused
	// Dropped counts the refused submissions beyond the limit of each submitter, which are not in
	// Refused.
	Dropped uint32
	// DoubleReports and DoubleBlocks convict members, strictly ascending by Reporter and by slot.
	DoubleReports []DoubleReport
	DoubleBlocks  []DoubleBlock
	Signature     keys.Signature
}

// Late is a submission without what the annex or the core has already: the network, contract, epoch
// and description, its result, and the messages of its block.
type Late struct {
	_           struct{} `cbor:",toarray"`
	ReceivedAt  Millis
	Digest      Hash    // of the submission as it was received
	Header      []byte  // block.SignedHeader, encoded; empty without Ephemera
	Messages    []Place // of the block, in order
	Certificate []byte  // certificate.Certificate.Encode; empty without Ephemera
	Result      Place   // among the results: the winner's, then those of the annex
	Submitter   keys.Public
	Signature   keys.Signature
}

// Place says where a message or a result is: those of the core come first, in the order of its
// block, and then those of the annex. The first place is 0. A message is named by its place and not
// by its ID, because its sender can sign it in more than one way without changing the ID.
type Place uint32

// Refused is a submission that is not kept.
type Refused struct {
	_          struct{} `cbor:",toarray"`
	Submitter  keys.Public
	ReceivedAt Millis
	Digest     Hash
	Bytes      uint32
	Verdict    Verdict // VerdictLate or VerdictInvalid
	Type       string  // of the problem in the response
	Reason     string
}

// DoubleReport is two different reports about the epoch that one member signed. A correct member
// signs one.
type DoubleReport struct {
	_             struct{} `cbor:",toarray"`
	Reporter      keys.Public
	First, Second Place
}

// DoubleBlock is two different headers of one slot that its creator signed. A correct member signs
// one.
type DoubleBlock struct {
	_             struct{}           `cbor:",toarray"`
	First, Second block.SignedHeader // ascending by block ID
}

type annexContent struct {
	_             struct{} `cbor:",toarray"`
	Version       uint8
	Network       string
	Contract      keys.Public
	Epoch         Epoch
	Core          Hash
	SealedAt      Millis
	Late          []Late
	Messages      [][]byte
	Results       [][]byte
	Refused       []Refused
	Dropped       uint32
	DoubleReports []DoubleReport
	DoubleBlocks  []DoubleBlock
}

const (
	// AnnexVersion is the version of the annexes that contracts make.
	AnnexVersion = 1
	annexDomain  = "contract/annex/v1"
	// MaxAnnexBytes bounds an encoded annex.
	MaxAnnexBytes = 128 << 20
	// maxTypeBytes bounds Refused.Type.
	maxTypeBytes = 128
)

// Validate returns nil if every field has an allowed value, otherwise an error that wraps
// ErrInvalid. It checks no signature, and nothing that needs the core: see Open.
func (a Annex) Validate() error {
	if err := membership.CheckNetwork(a.Network); err != nil {
		return fmt.Errorf("%w: annex: %w", ErrInvalid, err)
	}
	switch {
	case a.Version != AnnexVersion:
		return fmt.Errorf("%w: annex of version %d, expected %d", ErrInvalid, a.Version, AnnexVersion)
	case a.Epoch == 0:
		return fmt.Errorf("%w: annex of epoch 0, expected 1 or more", ErrInvalid)
	case a.Core == Hash{}:
		return fmt.Errorf("%w: annex of epoch %d without the digest of a core", ErrInvalid, a.Epoch)
	}
	for i, late := range a.Late {
		if err := late.validate(); err != nil {
			return fmt.Errorf("%w: annex of epoch %d: %w", ErrInvalid, a.Epoch, err)
		}
		if i > 0 && a.Late[i-1].Submitter.Compare(late.Submitter) >= 0 {
			return fmt.Errorf("%w: annex of epoch %d: late submission of %s is out of order", ErrInvalid, a.Epoch, late.Submitter)
		}
	}
	if !ascending(a.Messages) || !ascending(a.Results) {
		return fmt.Errorf("%w: annex of epoch %d: messages or results are out of order", ErrInvalid, a.Epoch)
	}
	for i, r := range a.Refused {
		if err := r.validate(); err != nil {
			return fmt.Errorf("%w: annex of epoch %d: %w", ErrInvalid, a.Epoch, err)
		}
		if i > 0 && a.Refused[i-1].ReceivedAt > r.ReceivedAt {
			return fmt.Errorf("%w: annex of epoch %d: refused submission %d is out of order", ErrInvalid, a.Epoch, i)
		}
	}
	return a.validateDoubles()
}

// ascending reports whether the items are strictly ascending by their bytes.
func ascending(items [][]byte) bool {
	for i := range items {
		if i > 0 && bytes.Compare(items[i-1], items[i]) >= 0 {
			return false
		}
	}
	return true
}

func (a Annex) validateDoubles() error {
	for i, d := range a.DoubleReports {
		if d.First >= d.Second || i > 0 && a.DoubleReports[i-1].Reporter.Compare(d.Reporter) >= 0 {
			return fmt.Errorf("%w: annex of epoch %d: double report of %s is out of order", ErrInvalid, a.Epoch, d.Reporter)
		}
	}
	for i, d := range a.DoubleBlocks {
		slot := d.First.Header.Slot()
		switch {
		case d.Second.Header.Slot() != slot || d.First.Header.Network != a.Network || d.Second.Header.Network != a.Network:
			return fmt.Errorf("%w: annex of epoch %d: headers of %s and %s, expected two of one slot", ErrInvalid, a.Epoch, slot, d.Second.Header.Slot())
		case d.First.Header.ID().Compare(d.Second.Header.ID()) >= 0, i > 0 && a.DoubleBlocks[i-1].First.Header.Slot().Compare(slot) >= 0:
			return fmt.Errorf("%w: annex of epoch %d: double block of %s is out of order", ErrInvalid, a.Epoch, slot)
		}
	}
	return nil
}

func (l Late) validate() error {
	if (len(l.Header) == 0) != (len(l.Certificate) == 0) || len(l.Header) == 0 && len(l.Messages) > 0 {
		return fmt.Errorf("late submission of %s with a header of %d bytes, %d messages and a certificate of %d bytes", l.Submitter, len(l.Header), len(l.Messages), len(l.Certificate))
	}
	return nil
}

func (r Refused) validate() error {
	switch {
	case r.Verdict != VerdictLate && r.Verdict != VerdictInvalid:
		return fmt.Errorf("refused submission of %s with verdict %.20q, expected late or invalid", r.Submitter, r.Verdict)
	case len(r.Type) > maxTypeBytes || len(r.Reason) > MaxReasonBytes:
		return fmt.Errorf("refused submission of %s with a type of %d bytes and a reason of %d, expected at most %d and %d", r.Submitter, len(r.Type), len(r.Reason), maxTypeBytes, MaxReasonBytes)
	}
	return nil
}

// Sign returns the annex as signed by the contract.
func (a Annex) Sign(contract block.Signer) Annex {
	a.Contract = contract.Public()
	a.Signature = contract.Sign(a.signing())
	return a
}

// Verify reports whether the contract that the annex names signed it. Callers compare that key with
// the one they know.
func (a Annex) Verify() bool { return a.Contract.Verify(a.signing(), a.Signature) }

func (a Annex) signing() []byte {
	return keys.SigningBytes(annexDomain, a.Network, canonical.Encode(annexContent{
		Version: a.Version, Network: a.Network, Contract: a.Contract, Epoch: a.Epoch, Core: a.Core, SealedAt: a.SealedAt,
		Late: a.Late, Messages: a.Messages, Results: a.Results, Refused: a.Refused, Dropped: a.Dropped,
		DoubleReports: a.DoubleReports, DoubleBlocks: a.DoubleBlocks,
	}))
}

// Encode returns the canonical bytes.
func (a Annex) Encode() []byte { return canonical.Encode(a) }

// DecodeAnnex decodes what Encode returned. The annex is valid, but its signature may not be, and
// it says nothing without its core: see Verify and Open. The error wraps ErrInvalid.
func DecodeAnnex(data []byte) (Annex, error) {
	var a Annex
	if err := canonical.Decode(data, MaxAnnexBytes, &a); err != nil {
		return Annex{}, fmt.Errorf("%w: annex: %w", ErrInvalid, err)
	}
	return a, a.Validate()
}
