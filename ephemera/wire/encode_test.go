package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// The frame types without their methods: reflection encodes them.
type (
	plainRejection    wire.Rejection
	plainGetMessages  wire.GetMessages
	plainGetBlock     wire.GetBlock
	plainGetCertified wire.GetCertified
	plainFrontier     wire.Frontier
	plainPool         wire.Pool
	plainGetListing   wire.GetListing
	plainListing      wire.Listing
	plainGetEvidence  wire.GetEvidence
	plainEvidence     wire.Evidence
	plainClosed       wire.Closed
	plainAnnounce     wire.Announce
	plainNewest       wire.Newest
	plainGetGroup     wire.GetGroup
	plainDescription  struct {
		_     struct{} `cbor:",toarray"`
		Group []byte
	}
	plainEcho        certificate.Echo
	plainCertificate certificate.Certificate
	plainProposal    struct {
		_      struct{} `cbor:",toarray"`
		Signed block.SignedHeader
		IDs    []block.MessageID
	}
	plainMessages struct {
		_        struct{} `cbor:",toarray"`
		Messages [][]byte
	}
	plainHeld struct {
		_                  struct{} `cbor:",toarray"`
		Block, Certificate []byte
	}
	plainBlocks struct {
		_      struct{} `cbor:",toarray"`
		Blocks []plainHeld
	}
)

// The bytes of an announcement are fixed, because members of different versions send them to each
// other.
func TestAnnouncementKeepsItsBytes(t *testing.T) {
	require.Equal(t, []byte{14, 0x81, 0x0a}, wire.Encode(wire.Announce{Number: 10}))
	require.Equal(t, []byte{14, 0x81, 0x1b, 0, 2, 3, 4, 5, 6, 7, 8}, wire.Encode(wire.Announce{Number: 0x02030405060708}))
}

func plain(frame wire.Frame) any {
	switch f := frame.(type) {
	case wire.Rejection:
		return plainRejection(f)
	case wire.GetMessages:
		return plainGetMessages(f)
	case wire.GetBlock:
		return plainGetBlock(f)
	case wire.GetCertified:
		return plainGetCertified(f)
	case wire.Frontier:
		return plainFrontier(f)
	case wire.Pool:
		return plainPool(f)
	case wire.GetListing:
		return plainGetListing(f)
	case wire.Listing:
		return plainListing(f)
	case wire.GetEvidence:
		return plainGetEvidence(f)
	case wire.Evidence:
		return plainEvidence(f)
	case wire.Closed:
		return plainClosed(f)
	case wire.Announce:
		return plainAnnounce(f)
	case wire.GetGroup:
		return plainGetGroup(f)
	case wire.Description:
		return plainDescription{Group: f.Group.Encode()}
	case wire.Newest:
		return plainNewest(f)
	case wire.Echo:
		return plainEcho(f.Echo)
	case wire.Certificate:
		return plainCertificate(f.Certificate)
	case wire.Proposal:
		return plainProposal{Signed: f.SignedHeader, IDs: f.IDs}
	case wire.Messages:
		var p plainMessages
		for _, m := range f.Messages {
			p.Messages = append(p.Messages, m.Encode())
		}
		return p
	case wire.Blocks:
		var p plainBlocks
		for _, held := range f.Blocks {
			h := plainHeld{Block: held.Block.Encode()}
			if held.Certificate != nil {
				h.Certificate = held.Certificate.Encode()
			}
			p.Blocks = append(p.Blocks, h)
		}
		return p
	}
	return nil
}

// Frames append their own bytes, which are those that reflection would make.
func TestEncodingIsThatOfReflection(t *testing.T) {
	frames := append(newWorld(t).frames(),
		wire.Frontier{}, wire.GetMessages{}, wire.GetEvidence{}, wire.Messages{}, wire.Blocks{}, wire.Proposal{},
		wire.Certificate{Certificate: certificate.Certificate{Signatures: make([]keys.Signature, 300)}},
		wire.Frontier{Certified: make([]uint64, 1000), Evidence: []uint32{1 << 31}},
		wire.Pool{}, wire.GetListing{}, wire.Pool{Digests: make([]wire.SenderDigest, 30)}, wire.GetListing{Senders: make([]keys.Public, 30)},
		wire.Listing{}, wire.Listing{Messages: make([]wire.Listed, 30)})
	for _, frame := range frames {
		require.Equal(t, canonical.Encode(plain(frame)), wire.Encode(frame)[1:], "%T", frame)
	}
}
