package block_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// These types have no methods, so canonical encodes them by reflection.
type (
	plainSlot    block.Slot
	plainHeader  block.Header
	plainSigned  block.SignedHeader
	plainContent struct {
		_              struct{} `cbor:",toarray"`
		Network, Label string
		Payload        []byte
		Sender         keys.Public
		Time           int64
	}
	plainMessage struct {
		_         struct{} `cbor:",toarray"`
		Content   plainContent
		Signature keys.Signature
	}
	plainBlock struct {
		_        struct{} `cbor:",toarray"`
		Signed   block.SignedHeader
		Messages []plainMessage
	}
)

// Blocks and their parts append their own encoding, which must be the one that reflection produces.
func TestEncodingMatchesReflection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := block.Header{
			Network: rapid.StringMatching("[a-z]{0,64}").Draw(t, "network"), Height: rapid.Uint64Max(canonical.MaxNumber).Draw(t, "height"),
			Time: rapid.Int64Range(0, canonical.MaxNumber).Draw(t, "time"), Count: rapid.Uint32().Draw(t, "count"), Parent: block.ID{1}, Root: block.Hash{2},
		}
		b := block.Block{SignedHeader: block.SignedHeader{Header: h, Signature: keys.Signature{3}}}
		p := plainBlock{Signed: b.SignedHeader, Messages: []plainMessage{}}
		for range rapid.IntRange(0, 30).Draw(t, "messages") {
			label, payload := rapid.StringN(0, 20, block.MaxLabel).Draw(t, "label"), rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "payload")
			m, err := block.NewMessage(key(1), "net", label, payload, rapid.Int64Range(0, canonical.MaxNumber).Draw(t, "time"))
			require.NoError(t, err)
			b.Messages = append(b.Messages, m)
			p.Messages = append(p.Messages, plainMessage{
				Content:   plainContent{Network: "net", Label: label, Payload: payload, Sender: m.Sender(), Time: m.Time()},
				Signature: m.Signature(),
			})
			require.Len(t, m.Encode(), m.Size())
		}
		require.Equal(t, canonical.Encode(plainSlot(h.Slot())), canonical.Encode(h.Slot()))
		require.Equal(t, canonical.Encode(plainHeader(h)), canonical.Encode(&h))
		require.Equal(t, canonical.Encode(plainSigned(b.SignedHeader)), canonical.Encode(b.SignedHeader))
		require.Equal(t, canonical.Encode(p), b.Encode())
	})
}

func TestHeaderIDDoesNotAllocate(t *testing.T) {
	h := block.Header{Network: "simulation", Height: 7}
	require.Zero(t, testing.AllocsPerRun(10, func() { _ = h.ID() }))
}

// A message keeps no part of the frame that brought it.
func TestDecodedMessagesAreCopies(t *testing.T) {
	limits := membership.DefaultLimits()
	data := encodings(t, limits)["message"]
	m, err := block.DecodeMessage(data, limits.PayloadBytes)
	require.NoError(t, err)
	want := m.Encode()
	for i := range data {
		data[i] ^= 0xff
	}
	require.Equal(t, want, m.Encode())
}
