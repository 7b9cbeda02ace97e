package wire_test

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// A header, a message and a certificate are verified once, whatever frames they arrive in.
func TestPartsAreVerifiedOnceInAllFrames(t *testing.T) {
	w, m := newWorld(t), newMemory()
	b, other := w.block(1, 3, "one", "two"), w.block(1, 3, "three")
	proof := w.certify(b, 0, 1, 3)
	frontier := wire.Frontier{Group: w.group.ID(), Certified: make([]uint64, 4), Open: []block.SignedHeader{b.SignedHeader}}
	again := frontier
	again.Certified = []uint64{1, 0, 0, 0}
	for _, step := range []struct {
		frame          wire.Frame
		checked, known int
	}{
		{wire.Proposal{Proposal: b.Proposal()}, 1, 0},
		{frontier, 0, 1},
		{again, 0, 1},
		{wire.Messages{Messages: b.Messages[:1]}, 1, 0},
		{wire.Certificate{Certificate: proof}, 3, 0},
		{wire.Blocks{Blocks: []wire.Held{{Block: b, Certificate: &proof}, {Block: other}}}, 3, 5},
		{wire.Blocks{Blocks: []wire.Held{{Block: other}}}, 0, 2},
		{w.evidence(b, other), 0, 2},
		{wire.Messages{Messages: other.Messages}, 0, 1},
		{wire.Certificate{Certificate: w.certify(b, 0, 1, 2)}, 3, 0},
	} {
		_, tally, err := m.count(t, w, step.frame, nil)
		require.NoError(t, err, "%T", step.frame)
		require.Equal(t, wire.Tally{Checked: step.checked, Known: step.known}, tally, "%T", step.frame)
	}
}

// A part with another signature is another part.
func TestPartsAreKnownWithTheirSignatures(t *testing.T) {
	w, m := newWorld(t), newMemory()
	b := w.block(1, 3, "one")
	proof := w.certify(b, 0, 1, 3)
	_, err := m.verify(t, w, wire.Encode(wire.Blocks{Blocks: []wire.Held{{Block: b, Certificate: &proof}}}))
	require.NoError(t, err)
	forged, wrong := b, w.certify(b, 0, 1, 3)
	forged.Signature[3] ^= 1
	wrong.Signatures[2][9] ^= 1
	for _, frame := range []wire.Frame{
		wire.Proposal{Proposal: forged.Proposal()},
		wire.Frontier{Group: w.group.ID(), Certified: make([]uint64, 4), Open: []block.SignedHeader{forged.SignedHeader}},
		wire.Certificate{Certificate: wrong},
		wire.Blocks{Blocks: []wire.Held{{Block: b, Certificate: &wrong}}},
		wire.Blocks{Blocks: []wire.Held{{Block: forged, Certificate: &proof}}},
	} {
		_, err := m.verify(t, w, wire.Encode(frame))
		require.ErrorIs(t, err, wire.ErrInvalid, "%T", frame)
	}
}

// What a verifier accepts as a certified block is what certificate.VerifyBlock accepts.
func TestVerifierAgreesWithVerifyBlock(t *testing.T) {
	w := newWorld(t)
	b := w.block(1, 3, "one", "two")
	pruned := b
	pruned.Messages = nil
	changes := map[string]func(*block.Block, *certificate.Certificate){
		"nothing":                func(*block.Block, *certificate.Certificate) {},
		"the creator's name":     func(b *block.Block, _ *certificate.Certificate) { b.Header.Creator = w.keys[0].Public() },
		"the header's signature": func(b *block.Block, _ *certificate.Certificate) { b.Signature[0] ^= 1 },
		"the root":               func(b *block.Block, _ *certificate.Certificate) { b.Header.Root[0] ^= 1 },
		"the height":             func(b *block.Block, _ *certificate.Certificate) { b.Header.Height++ },
		"the certified block":    func(_ *block.Block, c *certificate.Certificate) { c.Block[0] ^= 1 },
		"the certified slot":     func(_ *block.Block, c *certificate.Certificate) { c.Slot.Height++ },
		"an echo":                func(_ *block.Block, c *certificate.Certificate) { c.Signatures[1][7] ^= 1 },
		"the number of echoes": func(_ *block.Block, c *certificate.Certificate) {
			c.Signers, c.Signatures = []byte{3}, c.Signatures[:2]
		},
		"a message": func(b *block.Block, _ *certificate.Certificate) {
			if len(b.Messages) > 0 {
				b.Messages[0] = w.message(2, "other")
			}
		},
		"the order of the messages": func(b *block.Block, _ *certificate.Certificate) {
			if len(b.Messages) > 1 {
				b.Messages[0], b.Messages[1] = b.Messages[1], b.Messages[0]
			}
		},
	}
	for name, change := range changes {
		for _, original := range []block.Block{b, pruned} {
			changed, proof := original, w.certify(b, 0, 1, 3)
			changed.Messages = append([]block.Message(nil), original.Messages...)
			change(&changed, &proof)
			want := certificate.VerifyBlock(w.group, changed, proof)
			if changed.Pruned() {
				want = certificate.VerifyHeader(w.group, changed.SignedHeader, proof)
			}
			err := wire.VerifyFrame(w.group, wire.Blocks{Blocks: []wire.Held{{Block: changed, Certificate: &proof}}})
			require.Equal(t, want == nil, err == nil, "%s: %v, %v", name, want, err)
		}
	}
}

// A frame that lost a part is not known by the bytes that arrived, and the frame that arrived stays
// as it is.
func TestWithoutDropsPartsAndTheDigest(t *testing.T) {
	w := newWorld(t)
	a, b := w.block(0, 1, "x"), w.block(1, 3, "y")
	frames := []wire.Frame{
		wire.Frontier{
			Group: w.group.ID(), Certified: make([]uint64, 4), Evidence: []uint32{2}, Open: []block.SignedHeader{a.SignedHeader, b.SignedHeader},
		},
		wire.Blocks{Blocks: []wire.Held{{Block: a}, {Block: b}}},
	}
	dropA := func(h block.SignedHeader) bool { return h.Header.Creator == w.keys[0].Public() }
	for _, frame := range frames {
		decoded, err := wire.Decode(w.group, wire.Encode(frame))
		require.NoError(t, err)
		require.Equal(t, decoded, decoded.Without(func(block.SignedHeader) bool { return false }))
		part := decoded.Without(dropA)
		require.Zero(t, part.Digest())
		require.NotZero(t, decoded.Digest())
		require.Equal(t, wire.Encode(frame), wire.Encode(decoded.Unverified()))
		switch f := part.Unverified().(type) {
		case wire.Frontier:
			require.Equal(t, []block.SignedHeader{b.SignedHeader}, f.Open)
			require.Equal(t, []uint32{2}, f.Evidence)
		case wire.Blocks:
			require.Equal(t, []wire.Held{{Block: b}}, f.Blocks)
		}
	}
	decoded, err := wire.Decode(w.group, wire.Encode(wire.Proposal{Proposal: a.Proposal()}))
	require.NoError(t, err)
	require.Equal(t, decoded, decoded.Without(dropA))
}

// A frame without its first part, of which a signature is forged, does not make the whole known.
func TestPartOfAFrameDoesNotVouchForTheWhole(t *testing.T) {
	w, m := newWorld(t), newMemory()
	a, b := w.block(0, 1, "x"), w.block(1, 3, "y")
	a.Signature = keys.Signature{}
	data := wire.Encode(wire.Frontier{
		Group: w.group.ID(), Certified: make([]uint64, 4), Open: []block.SignedHeader{a.SignedHeader, b.SignedHeader},
	})
	decoded, err := wire.Decode(w.group, data)
	require.NoError(t, err)
	part := decoded.Without(func(h block.SignedHeader) bool { return h.Header.Creator == w.keys[0].Public() })
	admitted, err := part.Admit()
	require.NoError(t, err)
	_, err = wire.NewVerifier(wire.NewGroups(w.group), m).Verify(admitted)
	require.NoError(t, err)
	_, err = m.verify(t, w, data)
	require.ErrorIs(t, err, wire.ErrInvalid)
}

// Whatever kinds of frames there are, none is accepted with a signature that is not valid.
func TestEverySignatureInEveryFrameIsVerified(t *testing.T) {
	w := newWorld(t)
	found := 0
	for _, frame := range w.frames() {
		var signatures []keys.Signature
		collect(reflect.ValueOf(frame), &signatures)
		for _, signature := range signatures {
			data := wire.Encode(frame)
			at := bytes.Index(data, signature[:])
			require.Positive(t, at, "%T", frame)
			data[at+5] ^= 1
			_, err := wire.Open(w.group, data)
			require.ErrorIs(t, err, wire.ErrInvalid, "%T", frame)
			found++
		}
		require.Equal(t, len(signatures), wire.Signatures(frame), "%T", frame)
		require.Equal(t, values(reflect.ValueOf(frame)), parts(frame), "%T", frame)
	}
	require.Greater(t, found, 10)
}

// collect appends the signatures in a value, which may be in unexported fields.
func collect(v reflect.Value, signatures *[]keys.Signature) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*membership.Group]() {
			collect(v.Elem(), signatures)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			collect(v.Field(i), signatures)
		}
	case reflect.Slice:
		for i := range v.Len() {
			collect(v.Index(i), signatures)
		}
	case reflect.Array:
		if v.Type() == reflect.TypeFor[keys.Signature]() {
			var signature keys.Signature
			for i := range signature {
				signature[i] = byte(v.Index(i).Uint())
			}
			*signatures = append(*signatures, signature)
		}
	}
}

// A gossip frame holds one message. Everything else is recognised by its first bytes.
func TestGossipIsOneMessage(t *testing.T) {
	w := newWorld(t)
	large := w.message(0, string(make([]byte, 900)))
	for _, m := range []block.Message{w.message(0, ""), w.message(1, "text"), large} {
		require.True(t, wire.MayBeGossip(wire.EncodeMessages([]block.Message{m})))
	}
	for _, count := range []int{0, 2, 23, 24, 300} {
		require.False(t, wire.MayBeGossip(wire.EncodeMessages(slices.Repeat([]block.Message{large}, count))), count)
	}
	for _, frame := range w.frames() {
		if m, ok := frame.(wire.Messages); !ok || len(m.Messages) != 1 {
			require.False(t, wire.MayBeGossip(wire.Encode(frame)), "%T", frame)
		}
	}
	require.False(t, wire.MayBeGossip(nil))
}

// parts counts the messages and signed headers of a frame.
func parts(frame wire.Frame) (count int) {
	for range wire.Bodies(frame) {
		count++
	}
	for range wire.Headers(frame) {
		count++
	}
	return count
}

// values counts the messages and signed headers in a value, whatever kind of frame it is.
func values(v reflect.Value) (count int) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*membership.Group]() {
			return values(v.Elem())
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[block.Message]() {
			return 1
		}
		if v.Type() == reflect.TypeFor[block.SignedHeader]() {
			return 1
		}
		for i := range v.NumField() {
			count += values(v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			count += values(v.Index(i))
		}
	}
	return count
}
