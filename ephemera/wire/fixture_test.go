package wire_test

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

const network = "wire-test"

// world is a group of four whose private keys the tests hold.
type world struct {
	t     require.TestingT
	keys  []keys.Private // in the group's order
	group *membership.Group
}

// open decodes and verifies a frame. An announcement, which is never admitted, is only decoded.
func open(groups wire.Groups, data []byte) (wire.Frame, error) {
	decoded, err := groups.Decode(data)
	if err != nil {
		return nil, err
	}
	if k := decoded.Kind(); k == wire.KindAnnounce || k == wire.KindNewest {
		return decoded.Unverified(), nil
	}
	verified, err := groups.Open(data)
	if err != nil {
		return nil, err
	}
	return verified.Frame(), nil
}

func newWorld(t require.TestingT) *world {
	w := &world{t: t}
	var public []keys.Public
	for i := range 4 {
		key := keys.FromSeed(sha256.Sum256(fmt.Append(nil, "wire ", i)))
		w.keys, public = append(w.keys, key), append(public, key.Public())
	}
	slices.SortFunc(w.keys, func(a, b keys.Private) int { return a.Public().Compare(b.Public()) })
	var err error
	limits := membership.Limits{PayloadBytes: 1000, BlockMessages: 8, BlockBytes: 4000}
	w.group, err = membership.NewGroup(network, 1, public, limits)
	require.NoError(t, err)
	return w
}

func (w *world) message(sender int, text string) block.Message {
	m, err := block.NewMessage(w.keys[sender], w.group.Network(), "note", []byte(text), 1000)
	require.NoError(w.t, err)
	return m
}

// block makes a signed block of these texts.
func (w *world) block(creator int, height uint64, texts ...string) block.Block {
	var messages []block.Message
	for _, text := range texts {
		messages = append(messages, w.message(creator, text))
	}
	parent := block.ID{}
	if height > 1 {
		parent = block.ID{1}
	}
	return w.sign(creator, block.New(w.group, w.keys[creator].Public(), height, parent, 2000, messages))
}

func (w *world) sign(creator int, b block.Block) block.Block {
	b.Signature = w.keys[creator].Sign(b.Header.SigningBytes())
	return b
}

func (w *world) echo(signer int, b block.Block) certificate.Echo {
	slot := b.Header.Slot()
	signature := w.keys[signer].Sign(certificate.SigningBytes(w.group.Network(), slot, b.ID()))
	return certificate.Echo{Slot: slot, Block: b.ID(), Signer: w.keys[signer].Public(), Signature: signature}
}

func (w *world) certify(b block.Block, signers ...int) certificate.Certificate {
	signatures := map[int]keys.Signature{}
	for _, i := range signers {
		signatures[i] = w.echo(i, b).Signature
	}
	return certificate.New(w.group, b.Header.Slot(), b.ID(), signatures)
}

// evidence returns proof that a creator signed two blocks.
func (w *world) evidence(a, b block.Block) wire.Evidence {
	if a.ID().Compare(b.ID()) > 0 {
		a, b = b, a
	}
	return wire.Evidence{A: a.SignedHeader, B: b.SignedHeader}
}

// frames returns a valid frame of every kind.
func (w *world) frames() []wire.Frame {
	b, other := w.block(1, 3, "one", "two"), w.block(1, 3, "three")
	slot, id, proof := b.Header.Slot(), b.ID(), w.certify(b, 0, 1, 3)
	return []wire.Frame{
		wire.Proposal{Proposal: b.Proposal()},
		wire.Echo{Echo: w.echo(2, b)},
		wire.Rejection{Slot: slot, Block: id},
		wire.Closed{Slot: slot},
		wire.Announce{Number: 1 << 40},
		wire.Newest{Number: 1 << 40, Group: w.group.ID()},
		wire.GetGroup{Number: 1 << 40},
		wire.Description{Group: w.group},
		wire.Certificate{Certificate: proof},
		wire.GetMessages{IDs: b.MessageIDs()},
		wire.Messages{Messages: b.Messages},
		wire.GetBlock{Slot: slot, Block: id},
		wire.GetCertified{From: slot},
		wire.Blocks{Blocks: []wire.Held{{Block: b, Certificate: &proof}, {Block: other}}},
		wire.Frontier{
			Group: w.group.ID(), Certified: []uint64{0, 2, 1 << 40, 7}, Evidence: []uint32{0, 3},
			Open: []block.SignedHeader{w.block(0, 1, "x").SignedHeader, b.SignedHeader}, Tips: block.Digest{1, 2},
		},
		wire.Pool{Digests: []wire.SenderDigest{{Sender: w.keys[0].Public(), Digest: block.Digest{3}}, {Sender: w.keys[2].Public()}}},
		wire.GetListing{Senders: []keys.Public{w.keys[0].Public(), w.keys[3].Public()}},
		wire.Listing{Messages: []wire.Listed{{ID: w.message(2, "y").ID(), Sender: w.keys[2].Public()}}},
		wire.GetEvidence{Group: w.group.ID(), Creators: []uint32{1, 2}},
		w.evidence(b, other),
	}
}
