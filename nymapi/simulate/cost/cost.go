// Package cost computes what it costs n members to exchange and certify their reports: messages,
// bytes and delays, by formula, with the lengths of real frames. Package simulate compares it with
// what it counts. It is pure.
package cost

import (
	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Scheme is what a scheme costs if each of n members makes one block of n reports per epoch and
// nothing is lost or sent twice.
type Scheme struct {
	Name              string  `json:"scheme"`
	Computed          bool    `json:"computed"` // by a formula, not simulated
	MessagesPerBlock  float64 `json:"messages_per_block"`
	BytesPerNodeEpoch int64   `json:"bytes_per_node_epoch"` // without frontiers
	// DeliveryLinks is the number of one-way delays until all members have delivered a block.
	DeliveryLinks float64 `json:"delivery_links"`
}

// Certified is the name of the scheme of this repository.
const Certified = "certified broadcast"

// The other schemes.
const (
	schemeBracha   = "Bracha, hash only"
	schemeOriginal = "the original: full blocks in echo and vote"
)

// jsonPerByte is the mean length of a uniformly distributed byte in a JSON array of numbers: 10
// values have one digit, 90 two and 156 three, and each is followed by a comma.
const jsonPerByte = (10*1.0+90*2+156*3)/256 + 1

// Schemes computes the costs of three schemes for n members with reports of that many bytes, per
// block and per member and epoch:
//
//	certified   Each member sends its report, its proposal (32-byte IDs) and its certificate (q
//	            echoes of 64 bytes) to all, and an echo to each creator: 3(n-1) messages per block,
//	            delivery after 3 delays.
//	Bracha      Each member sends its report and proposal to all, and for each block a hash-only echo
//	            and ready to all: (n-1)(2n+1) messages per block, delivery after 3 delays, and no
//	            certificate for a contract (Bracha, Information and Computation 75, 1987).
//	original    Echo and vote of the 2023 prototype: 2n(n-1) copies of the full block per block, with
//	            payloads as JSON arrays of numbers. The creator's echo is its proposal, so delivery
//	            takes 3 delays. Spreading the messages before is not included.
//
// Frame lengths are those of package wire.
func Schemes(n, report int) []Scheme {
	f, others := frameSizes(n, report), int64(n-1)
	spread := others * (f.report + f.proposal)
	return []Scheme{
		{
			Name: Certified, Computed: true, MessagesPerBlock: float64(3 * others), DeliveryLinks: 3,
			BytesPerNodeEpoch: spread + others*(f.echo+f.certificate),
		},
		{
			Name: schemeBracha, Computed: true, MessagesPerBlock: float64(others * int64(2*n+1)), DeliveryLinks: 3,
			BytesPerNodeEpoch: spread + 2*int64(n)*others*f.vote,
		},
		{
			Name: schemeOriginal, Computed: true, MessagesPerBlock: float64(2 * int64(n) * others), DeliveryLinks: 3,
			BytesPerNodeEpoch: int64(float64(2*int64(n)*others*int64(n)*int64(report)) * jsonPerByte),
		},
	}
}

// frames are the lengths of encoded frames.
type frames struct{ report, proposal, echo, certificate, vote int64 }

// frameSizes encodes one frame of each kind for a group of n whose blocks hold n reports.
func frameSizes(n, report int) frames {
	const network = "simulation"
	var header block.Header
	header.Network, header.Time, header.Count, header.Height = network, 1_700_000_000_000, uint32(n), 12
	slot := header.Slot()
	size := func(f wire.Frame) int64 { return int64(len(wire.Encode(f))) }
	var proposal wire.Proposal
	proposal.SignedHeader, proposal.IDs = block.SignedHeader{Header: header}, make([]block.MessageID, n)
	var proof wire.Certificate
	proof.Slot, proof.Signers, proof.Signatures = slot, make([]byte, (n+7)/8), make([]keys.Signature, quorum.Size(n))
	message, err := block.NewMessage(unsigned{}, network, contract.Epoch(12).Label(), make([]byte, report), header.Time)
	if err != nil {
		return frames{} // impossible: network and label are valid
	}
	return frames{
		report:      size(wire.Messages{Messages: []block.Message{message}}),
		proposal:    size(proposal),
		echo:        size(wire.Echo{Echo: certificate.Echo{Slot: slot}}),
		certificate: size(proof),
		vote:        size(wire.Rejection{Slot: slot}), // slot and block ID, like a hash-only vote
	}
}

// unsigned is a signer that does not sign. Lengths do not depend on the signature.
type unsigned struct{}

func (unsigned) Public() keys.Public        { return keys.Public{2} } // a key of no small order
func (unsigned) Sign([]byte) keys.Signature { return keys.Signature{} }
