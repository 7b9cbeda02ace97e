package block_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/canonicaltest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

const network = "block-test"

func key(i int) keys.Private { return keys.FromSeed([32]byte{byte(i), 9}) }

func group(t require.TestingT, limits membership.Limits) *membership.Group {
	g, err := membership.NewGroup(network, 1, []keys.Public{key(0).Public(), key(1).Public(), key(2).Public(), key(3).Public()}, limits)
	require.NoError(t, err)
	return g
}

func message(t require.TestingT, i, payload int) block.Message {
	m, err := block.NewMessage(key(i%4), network, fmt.Sprintf("label/%d", i), make([]byte, payload), int64(i))
	require.NoError(t, err)
	return m
}

func messages(t require.TestingT, n int) []block.Message {
	var all []block.Message
	for i := range n {
		all = append(all, message(t, i, i))
	}
	return all
}

func signed(g *membership.Group, height uint64, all []block.Message) block.Block {
	parent := block.ID{}
	if height > 1 {
		parent = block.ID{1, 2, 3}
	}
	b := block.New(g, key(0).Public(), height, parent, 1_700_000_000_000, all)
	b.Signature = key(0).Sign(b.Header.SigningBytes())
	return b
}

func TestBlocksOfAllSizesRoundTrip(t *testing.T) {
	g := group(t, membership.Limits{})
	for n := range 66 {
		b := signed(g, 2, messages(t, n))
		require.NoError(t, b.Check(g))
		require.NoError(t, b.VerifySignatures())
		require.NoError(t, b.Proposal().Check(g))
		encoded := b.Encode()
		require.LessOrEqual(t, len(encoded), block.MaxBytes(g.Limits()))
		back, err := block.Decode(encoded, g.Limits())
		require.NoError(t, err)
		require.Equal(t, b.ID(), back.ID())
		require.Equal(t, b.MessageIDs(), back.MessageIDs())
		require.Equal(t, encoded, back.Encode())
		require.NoError(t, back.Check(g))
		require.NoError(t, back.VerifySignatures())
		proposal, err := block.DecodeProposal(b.Proposal().Encode(), g.Limits())
		require.NoError(t, err)
		require.Equal(t, b.Proposal().Encode(), proposal.Encode())
		require.Equal(t, b.ID(), proposal.Header.ID())
	}
}

func TestSizeIsTheLengthOfTheEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := make([]byte, rapid.SampledFrom([]int{0, 1, 23, 24, 255, 256, 65_535, 65_536, 70_000}).Draw(t, "payload"))
		label := strings.Repeat("x", rapid.IntRange(0, block.MaxLabel).Draw(t, "label"))
		name := strings.Repeat("n", rapid.IntRange(1, 64).Draw(t, "network"))
		m, err := block.NewMessage(key(1), name, label, payload, rapid.Int64Range(0, canonical.MaxNumber).Draw(t, "time"))
		require.NoError(t, err)
		require.Len(t, m.Encode(), m.Size())
		back, err := block.DecodeMessage(m.Encode(), uint32(len(payload)))
		require.NoError(t, err)
		require.Equal(t, m.Size(), back.Size())
		require.Equal(t, m.ID(), back.ID())
		require.True(t, back.Verify())
		require.Equal(t, []any{name, label, key(1).Public(), m.Time(), m.Signature()},
			[]any{back.Network(), back.Label(), back.Sender(), back.Time(), back.Signature()})
		if len(payload) > 0 {
			_, err = block.DecodeMessage(m.Encode(), uint32(len(payload)-1))
			require.ErrorIs(t, err, block.ErrInvalid)
		}
	})
}

func TestMessageIDExcludesTheSignature(t *testing.T) {
	m := message(t, 1, 10)
	encoded := m.Encode()
	encoded[len(encoded)-1] ^= 1
	forged, err := block.DecodeMessage(encoded, 10)
	require.NoError(t, err)
	require.Equal(t, m.ID(), forged.ID())
	require.False(t, forged.Verify())
	other, err := block.NewMessage(key(1), network, "label/1", append(make([]byte, 9), 1), 1)
	require.NoError(t, err)
	require.NotEqual(t, m.ID(), other.ID())
}

// nobody "signs" with the neutral element as its key: everybody can do that.
type nobody struct{}

func (nobody) Public() keys.Public        { return keys.Public{1} }
func (nobody) Sign([]byte) keys.Signature { return keys.Signature{1} }

func TestInvalidMessagesAreRefused(t *testing.T) {
	for want, make := range map[string]func() (block.Message, error){
		"network name": func() (block.Message, error) { return block.NewMessage(key(0), "No", "", nil, 0) },
		"label of 65": func() (block.Message, error) {
			return block.NewMessage(key(0), network, strings.Repeat("x", 65), nil, 0)
		},
		"UTF-8":                            func() (block.Message, error) { return block.NewMessage(key(0), network, "\xff", nil, 0) },
		"time: number is out of range: -1": func() (block.Message, error) { return block.NewMessage(key(0), network, "", nil, -1) },
		"time: number is out of range: 9007199254740992": func() (block.Message, error) {
			return block.NewMessage(key(0), network, "", nil, canonical.MaxNumber+1)
		},
		"sender: key is a point of small order": func() (block.Message, error) {
			return block.NewMessage(nobody{}, network, "", nil, 0)
		},
	} {
		_, err := make()
		require.ErrorIs(t, err, block.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
}

// Every field of the header is signed: changing any of them changes the ID and invalidates the
// signature.
func TestHeaderCommitsToEveryField(t *testing.T) {
	g := group(t, membership.Limits{})
	b := signed(g, 2, messages(t, 3))
	ids := map[block.ID]string{b.ID(): "nothing"}
	for name, change := range map[string]func(*block.Header){
		"network": func(h *block.Header) { h.Network += "x" },
		"group":   func(h *block.Header) { h.Group[0] ^= 1 },
		"height":  func(h *block.Header) { h.Height++ },
		"parent":  func(h *block.Header) { h.Parent[0] ^= 1 },
		"time":    func(h *block.Header) { h.Time++ },
		"root":    func(h *block.Header) { h.Root[0] ^= 1 },
		"count":   func(h *block.Header) { h.Count++ },
		"creator": func(h *block.Header) { h.Creator = key(1).Public() },
	} {
		changed := b
		change(&changed.Header)
		require.NotContains(t, ids, changed.ID(), name)
		ids[changed.ID()] = name
		require.False(t, changed.SignedHeader.Verify(), name)
		require.ErrorIs(t, changed.VerifySignatures(), block.ErrInvalid, name)
	}
}

func TestTamperedBlocksAreRefused(t *testing.T) {
	g := group(t, membership.Limits{PayloadBytes: 100, BlockMessages: 5, BlockBytes: 1000})
	foreign, err := block.NewMessage(key(1), "other", "", nil, 0)
	require.NoError(t, err)
	stranger := key(8)
	for name, tamper := range map[string]func(b *block.Block){
		"message missing":   func(b *block.Block) { b.Messages = b.Messages[1:] },
		"message added":     func(b *block.Block) { b.Messages = append(b.Messages, message(t, 7, 0)) },
		"messages swapped":  func(b *block.Block) { b.Messages[0], b.Messages[1] = b.Messages[1], b.Messages[0] },
		"message replaced":  func(b *block.Block) { b.Messages[0] = message(t, 9, 0) },
		"message twice":     func(b *block.Block) { *b = signed(g, 1, append(messages(t, 2), message(t, 0, 0))) },
		"foreign message":   func(b *block.Block) { *b = signed(g, 1, []block.Message{foreign}) },
		"too many messages": func(b *block.Block) { *b = signed(g, 1, messages(t, 6)) },
		"payload too large": func(b *block.Block) { *b = signed(g, 1, []block.Message{message(t, 0, 101)}) },
		"messages too large": func(b *block.Block) {
			*b = signed(g, 1, []block.Message{message(t, 1, 100), message(t, 2, 100), message(t, 3, 100), message(t, 4, 100), message(t, 5, 100)})
		},
		"another group's":     func(b *block.Block) { b.Header.Group[0] ^= 1 },
		"another network's":   func(b *block.Block) { b.Header.Network = "other" },
		"foreign creator":     func(b *block.Block) { b.Header.Creator = stranger.Public() },
		"height 0":            func(b *block.Block) { b.Header.Height = 0 },
		"height 1, parent":    func(b *block.Block) { b.Header.Parent = block.ID{1} },
		"height 2, no parent": func(b *block.Block) { b.Header.Height = 2 },
		"time before 1970":    func(b *block.Block) { b.Header.Time = -1 },
	} {
		b := signed(g, 1, messages(t, 3))
		require.NoError(t, b.Check(g))
		tamper(&b)
		require.ErrorIs(t, b.Check(g), block.ErrInvalid, name)
	}
	b := signed(g, 1, messages(t, 3))
	b.Signature = keys.Signature{}
	require.NoError(t, b.Check(g), "a creator checks its block before it signs it")
	require.ErrorIs(t, b.VerifySignatures(), block.ErrInvalid)
}

func TestRootsFollowRFC6962(t *testing.T) {
	require.Equal(t, block.Hash(sha256.Sum256(nil)), block.Root(nil))
	var ids []block.MessageID
	for n := 1; n <= 65; n++ {
		ids = append(ids, block.MessageID{byte(n)})
		require.Equal(t, reference(ids), block.Root(ids), "%d leaves", n)
	}
}

// reference is the recursive definition of RFC 6962 §2.1.
func reference(ids []block.MessageID) block.Hash {
	if len(ids) == 1 {
		return sha256.Sum256(append([]byte{0}, ids[0][:]...))
	}
	k := 1
	for 2*k < len(ids) {
		k *= 2
	}
	left, right := reference(ids[:k]), reference(ids[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

func TestInclusionProofsOfAllSizesAndIndexes(t *testing.T) {
	for n := range 66 {
		ids := make([]block.MessageID, n)
		for i := range ids {
			ids[i] = block.MessageID{byte(i), byte(n)}
		}
		root := block.Root(ids)
		for i, id := range ids {
			proof, err := block.Prove(ids, i)
			require.NoError(t, err)
			require.NoError(t, block.VerifyInclusion(root, n, i, id, proof))
			require.Error(t, block.VerifyInclusion(root, n, i, block.MessageID{0xff}, proof), "another message")
			require.Error(t, block.VerifyInclusion(block.Hash{}, n, i, id, proof), "another root")
			require.Error(t, block.VerifyInclusion(root, n, (i+1)%(n+1), id, proof), "another index")
			require.Error(t, block.VerifyInclusion(root, n, i, id, append(proof, make([]byte, 32))), "an extra hash")
			for k := range proof {
				shorter := append(append([][]byte(nil), proof[:k]...), proof[k+1:]...)
				require.Error(t, block.VerifyInclusion(root, n, i, id, shorter), "a missing hash")
				changed := append([][]byte(nil), proof...)
				changed[k] = append([]byte{proof[k][0] ^ 1}, proof[k][1:]...)
				require.Error(t, block.VerifyInclusion(root, n, i, id, changed), "a changed hash")
			}
		}
		for _, i := range []int{-1, n} {
			_, err := block.Prove(ids, i)
			require.ErrorIs(t, err, block.ErrInvalid)
			require.ErrorIs(t, block.VerifyInclusion(root, n, i, block.MessageID{}, nil), block.ErrInvalid)
		}
	}
}

func TestSlotsAreOrdered(t *testing.T) {
	a := block.Slot{Group: membership.ID{1}, Creator: keys.Public{5}, Height: 9}
	for _, b := range []block.Slot{
		{Group: membership.ID{2}}, {Group: membership.ID{1}, Creator: keys.Public{6}}, {Group: membership.ID{1}, Creator: keys.Public{5}, Height: 10},
	} {
		require.Negative(t, a.Compare(b))
		require.Positive(t, b.Compare(a))
	}
	require.Zero(t, a.Compare(a))
}

func decoders(limits membership.Limits) map[string]canonicaltest.Reencode {
	return map[string]canonicaltest.Reencode{
		"message": func(data []byte) ([]byte, error) {
			m, err := block.DecodeMessage(data, limits.PayloadBytes)
			return m.Encode(), err
		},
		"block": func(data []byte) ([]byte, error) {
			b, err := block.Decode(data, limits)
			return b.Encode(), err
		},
		"proposal": func(data []byte) ([]byte, error) {
			p, err := block.DecodeProposal(data, limits)
			return p.Encode(), err
		},
	}
}

func encodings(t require.TestingT, limits membership.Limits) map[string][]byte {
	b := signed(group(t, limits), 2, messages(t, 3))
	return map[string][]byte{"message": b.Messages[1].Encode(), "block": b.Encode(), "proposal": b.Proposal().Encode()}
}

func TestOnlyTheCanonicalFormIsDecoded(t *testing.T) {
	limits := membership.DefaultLimits()
	for name, again := range decoders(limits) {
		t.Run(name, func(t *testing.T) { canonicaltest.Strict(t, encodings(t, limits)[name], again) })
	}
	_, err := block.Decode(make([]byte, block.MaxBytes(limits)+1), limits)
	require.ErrorIs(t, err, canonical.ErrTooLarge)
}

func TestGolden(t *testing.T) {
	b := signed(group(t, membership.Limits{}), 2, messages(t, 2))
	id, first := b.ID(), b.Messages[0].ID()
	canonicaltest.RequireGolden(t, "block.txt",
		canonicaltest.Golden{Name: "message", Data: b.Messages[0].Encode()},
		canonicaltest.Golden{Name: "message-id", Data: first[:]},
		canonicaltest.Golden{Name: "header-signing-bytes", Data: b.Header.SigningBytes()},
		canonicaltest.Golden{Name: "root", Data: b.Header.Root[:]},
		canonicaltest.Golden{Name: "block", Data: b.Encode()},
		canonicaltest.Golden{Name: "block-id", Data: id[:]},
		canonicaltest.Golden{Name: "proposal", Data: b.Proposal().Encode()},
	)
}

func TestDecodingAllocatesASmallMultiple(t *testing.T) {
	limits := membership.DefaultLimits()
	for name, again := range decoders(limits) {
		t.Run(name, func(t *testing.T) {
			canonicaltest.Growth(t, encodings(t, limits)[name], 6000, 16, 16<<10, func(data []byte) error {
				_, err := again(data)
				return err
			})
		})
	}
}

// A block that an older version stored is still read, although its numbers are beyond the domain.
func TestStoredMessagesMayExceedTheDomain(t *testing.T) {
	m := message(t, 1, 10)
	encoded := m.Encode()
	number := canonical.AppendUint(nil, uint64(m.Time()))
	at := bytes.LastIndex(encoded[:len(encoded)-len(m.Signature())], number)
	old := slices.Concat(encoded[:at], canonical.AppendUint(nil, 1<<63-1), encoded[at+len(number):])
	_, err := block.DecodeMessage(old, 1000)
	require.ErrorIs(t, err, canonical.ErrDomain)
	stored, err := block.DecodeStoredMessage(old)
	require.NoError(t, err)
	require.Equal(t, int64(1<<63-1), stored.Time())
	require.Equal(t, old, stored.Encode())
}

func fuzz(f *testing.F, name string) {
	limits := membership.Limits{PayloadBytes: 1000, BlockMessages: 10, BlockBytes: 4000}
	f.Add(encodings(f, limits)[name])
	for _, number := range []uint64{1, canonical.MaxNumber, canonical.MaxNumber + 1} {
		m, err := block.NewMessage(key(1), network, strings.Repeat("x", block.MaxLabel), nil, int64(min(number, canonical.MaxNumber)))
		require.NoError(f, err)
		b := block.New(group(f, limits), key(1).Public(), number, block.ID{}, int64(number), []block.Message{m})
		f.Add(map[string][]byte{"message": m.Encode(), "block": b.Encode(), "proposal": b.Proposal().Encode()}[name])
	}
	f.Add([]byte{0x82, 0x82, 0x88})
	again := decoders(limits)[name]
	f.Fuzz(func(t *testing.T, data []byte) { canonicaltest.Same(t, data, again) })
}

func FuzzDecodeMessage(f *testing.F)  { fuzz(f, "message") }
func FuzzDecodeBlock(f *testing.F)    { fuzz(f, "block") }
func FuzzDecodeProposal(f *testing.F) { fuzz(f, "proposal") }
