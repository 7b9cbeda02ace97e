package contract

import (
	"crypto/sha256"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// ContentType is the content type of an encoded Submission, Core or Annex.
const ContentType = "application/cbor"

// Submission is what a Nym-API posts: a result and the evidence for it. It names its network,
// contract, epoch and description, so it is valid only there. It holds its parts encoded, because
// evidence is kept byte for byte.
type Submission struct {
	_           struct{} `cbor:",toarray"`
	Network     string
	Contract    keys.Public
	Epoch       Epoch
	Description Hash
	Result      []byte // metrics.Result.Encode
	// Block is block.Block.Encode of the submitter's block. It is empty without Ephemera, but in
	// ModePerformance a submission of the contract itself has RawValues.Encode here.
	Block       []byte
	Certificate []byte // certificate.Certificate.Encode; empty without Ephemera
	Submitter   keys.Public
	Signature   keys.Signature
}

// submissionContent is what a submitter signs.
type submissionContent struct {
	_           struct{} `cbor:",toarray"`
	Network     string
	Contract    keys.Public
	Epoch       Epoch
	Description Hash
	Result      []byte
	Block       []byte
	Certificate []byte
	Submitter   keys.Public
}

const submissionDomain = "contract/submission/v1"

// NewSubmission signs a result with its evidence for the epoch of d. Evidence may be nil, as in
// ModeSingle. An invalid result is an error.
func NewSubmission(signer block.Signer, d Description, result metrics.Result, evidence *Evidence) (Submission, error) {
	encoded, err := result.Encode()
	if err != nil {
		return Submission{}, fmt.Errorf("create submission for epoch %d: %w", d.Epoch, err)
	}
	s := Submission{
		Network: d.Network, Contract: d.ContractKey, Epoch: d.Epoch, Description: d.Hash(),
		Result: encoded, Submitter: signer.Public(),
	}
	if evidence != nil {
		s.Block, s.Certificate = evidence.Block.Encode(), evidence.Certificate.Encode()
	}
	return s.Sign(signer), nil
}

// Evidence is a certified block.
type Evidence struct {
	Block       block.Block
	Certificate certificate.Certificate
}

// Sign returns the submission with signer's key as the submitter and signer's signature.
func (s Submission) Sign(signer block.Signer) Submission {
	s.Submitter = signer.Public()
	s.Signature = signer.Sign(s.signing())
	return s
}

// Verify reports whether the submitter signed the submission, or its node did so for a Nym-API.
func (s Submission) Verify() bool {
	return signed(s.Submitter, submissionDomain, s.Network, s.content(), s.Signature)
}

func (s Submission) signing() []byte {
	return keys.SigningBytes(submissionDomain, s.Network, s.content())
}

func (s Submission) content() []byte {
	return canonical.Encode(submissionContent{
		Network: s.Network, Contract: s.Contract, Epoch: s.Epoch, Description: s.Description,
		Result: s.Result, Block: s.Block, Certificate: s.Certificate, Submitter: s.Submitter,
	})
}

// signed reports whether a Nym-API's key signed the content. A Nym-API that holds the key signs
// keys.SigningBytes. One whose key is in a daemon has it signed at the admin listener, which signs
// keys.ApplicationBytes: the same domain, network and content, under the node's tag for programs.
func signed(by keys.Public, domain, network string, content []byte, signature keys.Signature) bool {
	return by.Verify(keys.SigningBytes(domain, network, content), signature) ||
		by.Verify(keys.ApplicationBytes(domain, network, content), signature)
}

// Encode returns the canonical bytes.
func (s Submission) Encode() []byte { return canonical.Encode(s) }

// submissionFrame bounds what a submission holds in addition to result, block and certificate.
const submissionFrame = 512

// MaxSubmissionBytes returns the greatest length of a submission by a member of group about that
// many mixnodes.
func MaxSubmissionBytes(group *membership.Group, mixnodes int) int {
	return submissionFrame + metrics.LimitsFor(mixnodes).Bytes + block.MaxBytes(group.Limits()) + certificate.MaxBytes(group.N())
}

// MaxBatchBytes returns the greatest length of a batch about that many mixnodes, a submission
// without a block.
func MaxBatchBytes(mixnodes int) int { return submissionFrame + metrics.LimitsFor(mixnodes).Bytes }

// DecodeSubmission decodes a submission of at most limit bytes. It checks only its form: see Verify
// and package verify. The error wraps ErrInvalid.
func DecodeSubmission(data []byte, limit int) (Submission, error) {
	var s Submission
	if err := canonical.Decode(data, limit, &s); err != nil {
		return Submission{}, fmt.Errorf("%w: submission: %w", ErrInvalid, err)
	}
	if err := membership.CheckNetwork(s.Network); err != nil {
		return Submission{}, fmt.Errorf("%w: submission: %w", ErrInvalid, err)
	}
	if s.Epoch == 0 {
		return Submission{}, fmt.Errorf("%w: submission for epoch 0, expected 1 or more", ErrInvalid)
	}
	return s, nil
}

// Digest returns the SHA-256 of an encoding, which identifies an attempt.
func Digest(encoded []byte) Hash { return sha256.Sum256(encoded) }
