package wire_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/canonicaltest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// numbered returns a frame of every kind that holds a number, all with this one.
func (w *world) numbered(number uint64) []wire.Frame {
	b, other := w.block(1, number, "one"), w.block(1, number, "two")
	slot, id, proof := b.Header.Slot(), b.ID(), w.certify(b, 0, 1, 3)
	late := block.New(w.group, w.keys[2].Public(), 1, block.ID{}, int64(number), nil)
	frontier := wire.Frontier{Group: w.group.ID(), Certified: []uint64{0, 0, 0, 0}}
	certified, open := frontier, frontier
	certified.Certified = []uint64{0, number, 0, 0}
	open.Open = []block.SignedHeader{b.SignedHeader}
	return []wire.Frame{
		wire.Proposal{Proposal: b.Proposal()},
		wire.Proposal{Proposal: w.sign(2, late).Proposal()},
		wire.Echo{Echo: w.echo(2, b)},
		wire.Rejection{Slot: slot, Block: id},
		wire.Closed{Slot: slot},
		wire.Announce{Number: number},
		wire.Certificate{Certificate: proof},
		wire.GetBlock{Slot: slot, Block: id},
		wire.GetCertified{From: slot},
		wire.Blocks{Blocks: []wire.Held{{Block: b, Certificate: &proof}}},
		wire.Blocks{Blocks: []wire.Held{{Block: b}}},
		certified, open,
		w.evidence(b, other),
	}
}

func TestNumbersInFramesHaveADomain(t *testing.T) {
	w := newWorld(t)
	for _, frame := range w.numbered(canonical.MaxNumber) {
		opened, err := open(wire.NewGroups(w.group), wire.Encode(frame))
		require.NoError(t, err, "%T", frame)
		require.Equal(t, wire.Encode(frame), wire.Encode(opened))
	}
	for _, beyond := range []uint64{canonical.MaxNumber + 1, 1 << 62, 1<<63 - 1} {
		for _, frame := range w.numbered(beyond) {
			_, err := wire.Decode(w.group, wire.Encode(frame))
			require.ErrorIs(t, err, wire.ErrInvalid, "%T", frame)
			require.ErrorIs(t, err, canonical.ErrDomain, "%T", frame)
		}
	}
}

// The largest time of a message is accepted, the next one is not, although it is signed.
func TestMessagesInFramesHaveADomain(t *testing.T) {
	w := newWorld(t)
	last, err := block.NewMessage(w.keys[0], w.group.Network(), "", nil, canonical.MaxNumber)
	require.NoError(t, err)
	encoded := wire.EncodeMessages([]block.Message{last})
	_, err = wire.Open(w.group, encoded)
	require.NoError(t, err)
	number := canonical.AppendUint(nil, canonical.MaxNumber)
	at := slices.Index(encoded, number[0])
	for ; string(encoded[at:at+len(number)]) != string(number); at++ {
	}
	copy(encoded[at:], canonical.AppendUint(nil, canonical.MaxNumber+1))
	_, err = wire.Decode(w.group, encoded)
	require.ErrorIs(t, err, canonical.ErrDomain)

	sender := w.keys[0].Public()
	encoded = wire.EncodeMessages([]block.Message{w.message(0, "text")})
	at = 0
	for ; string(encoded[at:at+len(sender)]) != string(sender[:]); at++ {
	}
	copy(encoded[at:], make([]byte, len(sender)))
	_, err = wire.Decode(w.group, encoded)
	require.ErrorIs(t, err, keys.ErrSmallOrder)
}

// The counts in the tags of frames are those of the documented bounds.
func TestListsInFramesAreBounded(t *testing.T) {
	w := newWorld(t)
	b := w.block(1, 1)
	proof := w.certify(b, 0, 1, 2)
	frames := func(messages, blocks int) []wire.Frame {
		get := wire.GetMessages{}
		listing := wire.Listing{}
		for i := range messages {
			id := block.MessageID{byte(i), byte(i >> 8), 1}
			get.IDs = append(get.IDs, id)
			listing.Messages = append(listing.Messages, wire.Listed{ID: id, Sender: w.keys[0].Public()})
		}
		return []wire.Frame{
			get, listing,
			wire.Messages{Messages: slices.Repeat([]block.Message{w.message(0, "m")}, messages)},
			wire.Blocks{Blocks: slices.Repeat([]wire.Held{{Block: b, Certificate: &proof}}, blocks)},
		}
	}
	for _, frame := range frames(wire.MaxListings, wire.MaxBlocks) {
		_, err := wire.Decode(w.group, wire.Encode(frame))
		require.NoError(t, err, "%T", frame)
	}
	for _, frame := range frames(wire.MaxListings+1, wire.MaxBlocks+1) {
		_, err := wire.Decode(w.group, wire.Encode(frame))
		require.ErrorIs(t, err, canonical.ErrShape, "%T", frame)
	}
}

// Whatever the bytes are, decoding them allocates at most 16 times their length and 16 KiB.
func TestDecodingAllocatesASmallMultipleOfTheFrame(t *testing.T) {
	w := newWorld(t)
	groups := wire.NewGroups(w.group)
	for _, frame := range w.frames() {
		t.Run(wire.KindOf(frame).String(), func(t *testing.T) {
			encoded := wire.Encode(frame)
			canonicaltest.Growth(t, encoded[1:], 6000, 16, 16<<10, func(body []byte) error {
				_, err := groups.Decode(append([]byte{encoded[0]}, body...))
				return err
			})
		})
	}
}

// Long valid frames too: one with as many messages, IDs, listings and blocks as fit.
func TestLongFramesAllocateASmallMultiple(t *testing.T) {
	w := newWorld(t)
	groups := wire.NewGroups(w.group)
	var messages []block.Message
	frontier := wire.Frontier{Group: w.group.ID(), Certified: []uint64{1, 1, 1, 1}, Evidence: []uint32{0, 1, 2, 3}}
	listing := wire.Listing{}
	for i := range wire.MaxListings {
		m := w.message(0, fmt.Sprint(i))
		messages = append(messages, m)
		listing.Messages = append(listing.Messages, wire.Listed{ID: m.ID(), Sender: m.Sender()})
	}
	b := w.block(1, 1, "a", "b", "c", "d", "e", "f", "g", "h")
	proof := w.certify(b, 0, 1, 2, 3)
	for _, frame := range []wire.Frame{
		wire.Messages{Messages: messages},
		frontier,
		listing,
		wire.GetMessages{IDs: block.Block{Messages: messages}.MessageIDs()},
		wire.Blocks{Blocks: slices.Repeat([]wire.Held{{Block: b, Certificate: &proof}}, 2)},
		wire.Certificate{Certificate: certificate.Certificate{Slot: b.Header.Slot(), Signers: []byte{15}, Signatures: proof.Signatures}},
	} {
		encoded := wire.Encode(frame)
		canonicaltest.Growth(t, encoded[1:], 0, 16, 16<<10, func(body []byte) error {
			_, err := groups.Decode(append([]byte{encoded[0]}, body...))
			return err
		})
	}
}
