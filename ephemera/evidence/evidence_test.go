package evidence_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/canonicaltest"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

const network = "evidence-test"

func key(i int) keys.Private { return keys.FromSeed([32]byte{byte(i), 7}) }

func groupOf(t require.TestingT, network string, number uint64, members ...int) *membership.Group {
	var public []keys.Public
	for _, i := range members {
		public = append(public, key(i).Public())
	}
	g, err := membership.NewGroup(network, number, public, membership.DefaultLimits())
	require.NoError(t, err)
	return g
}

func group(t require.TestingT) *membership.Group { return groupOf(t, network, 1, 0, 1, 2, 3) }

func message(t require.TestingT, sender int, network, label, text string) block.Message {
	m, err := block.NewMessage(key(sender), network, label, []byte(text), 5)
	require.NoError(t, err)
	return m
}

// header returns a header of a member's first block, changed and then signed.
func header(t require.TestingT, creator int, time int64, change func(*block.Header)) block.SignedHeader {
	b := block.New(group(t), key(creator).Public(), 1, block.ID{}, time, nil)
	if change != nil {
		change(&b.Header)
	}
	b.Signature = key(creator).Sign(b.Header.SigningBytes())
	return b.SignedHeader
}

func certify(t require.TestingT, signed block.SignedHeader, signers ...int) certificate.Certificate {
	g, signatures := group(t), map[int]keys.Signature{}
	for _, i := range signers {
		place, _ := g.Index(key(i).Public())
		signatures[place] = key(i).Sign(certificate.SigningBytes(network, signed.Header.Slot(), signed.Header.ID()))
	}
	return certificate.New(g, signed.Header.Slot(), signed.Header.ID(), signatures)
}

// proofs returns a file of each kind that proves something.
func proofs(t require.TestingT) map[evidence.Kind]evidence.File {
	one, other := header(t, 2, 1, nil), header(t, 2, 2, nil)
	return map[evidence.Kind]evidence.File{
		evidence.TwoHeaders:  evidence.OfHeaders(one, other),
		evidence.TwoMessages: evidence.OfMessages(message(t, 1, network, "epoch-5", "one"), message(t, 1, network, "epoch-5", "two")),
		evidence.Fork:        evidence.OfCertificates(certify(t, one, 0, 1, 2), certify(t, other, 1, 2, 3)),
	}
}

func name(key keys.Public) string { return "member " + key.Short() }

func TestProofsNameTheCulprits(t *testing.T) {
	for kind, file := range proofs(t) {
		back, err := evidence.Decode(file.Encode())
		require.NoError(t, err)
		require.Equal(t, file, back)
		proof, err := back.Verify(group(t))
		require.NoError(t, err, kind)
		require.Equal(t, kind, proof.Kind)
		require.Equal(t, network, proof.Network)
		require.NotEqual(t, proof.Signed[0], proof.Signed[1])
		require.Equal(t, evidence.New(kind, file.B, file.A), file, "the order in which the sides were seen is not in the file")
		require.Regexp(t, `^(two-headers|two-messages|fork)-[0-9a-f]{16}-(group-[0-9a-f]{8}-height-1|epoch-5)\.evidence$`, proof.FileName())
		switch kind {
		case evidence.TwoHeaders:
			require.Equal(t, []keys.Public{key(2).Public()}, proof.Culprits)
			require.Equal(t, name(key(2).Public())+" signed two headers at height 1 of its chain", proof.Sentence(name))
		case evidence.TwoMessages:
			require.Equal(t, []keys.Public{key(1).Public()}, proof.Culprits)
			require.Equal(t, name(key(1).Public())+` signed two messages under the label "epoch-5"`, proof.Sentence(name))
		case evidence.Fork:
			require.ElementsMatch(t, []keys.Public{key(1).Public(), key(2).Public()}, proof.Culprits)
			require.Equal(t, "2 members signed two blocks at height 1 of the chain of "+name(key(2).Public()), proof.Sentence(name))
		}
	}
}

// Without a group a key is convicted, and nobody knows whose it is. A certificate names nobody
// then.
func TestWithoutAGroupOnlyKeysAreConvicted(t *testing.T) {
	for kind, file := range proofs(t) {
		proof, err := file.Verify(nil)
		if kind == evidence.Fork {
			require.ErrorIs(t, err, evidence.ErrProvesNothing)
			continue
		}
		require.NoError(t, err)
		require.Len(t, proof.Culprits, 1)
	}
}

// Each case is a file that says more than its sides show.
func TestOtherPairsProveNothing(t *testing.T) {
	one, two := header(t, 2, 1, nil), header(t, 2, 2, nil)
	forged := two
	forged.Header.Time = 3
	first := message(t, 1, network, "epoch-5", "one")
	taller := func(h *block.Header) { h.Height, h.Parent = 2, block.ID{9} }
	cases := map[string]evidence.File{
		"both headers are of block":    evidence.OfHeaders(one, one),
		"two creators":                 evidence.OfHeaders(one, header(t, 1, 2, nil)),
		"two slots":                    evidence.OfHeaders(one, header(t, 2, 2, taller)),
		"is not signed by its creator": evidence.OfHeaders(one, forged),
		"is not a member of group 1":   evidence.OfHeaders(header(t, 9, 1, nil), header(t, 9, 2, nil)),
		"header of group":              evidence.OfHeaders(one, header(t, 2, 2, func(h *block.Header) { h.Group[0] ^= 1 })),
		"heights are 1":                evidence.OfHeaders(one, header(t, 2, 2, func(h *block.Header) { h.Height = 0 })),
		"header: ":                     evidence.New(evidence.TwoHeaders, first.Encode(), first.Encode()),
		"both messages are":            evidence.OfMessages(first, first),
		"two senders":                  evidence.OfMessages(first, message(t, 2, network, "epoch-5", "two")),
		"two labels":                   evidence.OfMessages(first, message(t, 1, network, "epoch-6", "two")),
		"is of network":                evidence.OfMessages(first, message(t, 1, "other", "epoch-5", "two")),
		"sender":                       evidence.OfMessages(message(t, 9, network, "epoch-5", "one"), message(t, 9, network, "epoch-5", "two")),
		"message: ":                    evidence.New(evidence.TwoMessages, []byte{1}, []byte{2}),
		"expected two blocks":          evidence.OfCertificates(certify(t, one, 0, 1, 2), certify(t, one, 1, 2, 3)),
		"expected one slot":            evidence.OfCertificates(certify(t, one, 0, 1, 2), certify(t, header(t, 1, 1, nil), 0, 1, 2)),
		"quorum is 3":                  evidence.OfCertificates(certify(t, one, 0, 1, 2), certify(t, two, 1, 2)),
		"is not one of a node":         evidence.New("evidence/two-receipts", []byte{1}, []byte{2}),
	}
	for why, file := range cases {
		_, err := file.Verify(group(t))
		require.ErrorIs(t, err, evidence.ErrProvesNothing, why)
		require.ErrorContains(t, err, why)
	}
	for _, other := range []*membership.Group{groupOf(t, "other", 1, 0, 1, 2, 3), groupOf(t, network, 2, 0, 3, 8, 9)} {
		for kind, file := range proofs(t) {
			_, err := file.Verify(other)
			require.ErrorIs(t, err, evidence.ErrProvesNothing, "%s in group %d of %s", kind, other.Number(), other.Network())
		}
	}
}

// A label is in a file's name only if it is safe there.
func TestFileNamesAreSafe(t *testing.T) {
	for label, plain := range map[string]bool{"epoch-5": true, "../../etc/passwd": false, "a b": false, "": false, "Ö": false, "x/y": false} {
		proof, err := evidence.OfMessages(message(t, 1, network, label, "one"), message(t, 1, network, label, "two")).Verify(nil)
		require.NoError(t, err)
		require.Regexp(t, `^two-messages-[0-9a-f]{16}-[a-z0-9-]+\.evidence$`, proof.FileName())
		require.Equal(t, plain, strings.HasSuffix(proof.FileName(), "-"+label+evidence.Extension), label)
	}
}

// Without a group, two networks, or two signatures of one message, still convict nobody.
func TestKeysAreNotConvictedOfOneStatement(t *testing.T) {
	first := message(t, 1, network, "epoch-5", "one")
	for why, file := range map[string]evidence.File{
		"of networks":     evidence.OfMessages(first, message(t, 1, "other", "epoch-5", "one")),
		"are of networks": evidence.OfHeaders(header(t, 2, 1, nil), header(t, 2, 1, func(h *block.Header) { h.Network = "third" })),
		"network name":    evidence.OfHeaders(header(t, 2, 1, nil), header(t, 2, 1, func(h *block.Header) { h.Network = "Third!" })),
	} {
		_, err := file.Verify(nil)
		require.ErrorIs(t, err, evidence.ErrProvesNothing, why)
		require.ErrorContains(t, err, why)
	}
}

// No byte of a proof is without effect.
func TestEveryFlippedByteIsNoticed(t *testing.T) {
	for kind, file := range proofs(t) {
		data := file.Encode()
		for i := range data {
			for _, flip := range []byte{1, 2, 0x80} {
				changed := append([]byte(nil), data...)
				changed[i] ^= flip
				back, err := evidence.Decode(changed)
				if err == nil {
					_, err = back.Verify(group(t))
				}
				require.Error(t, err, "%s: byte %d xor %d", kind, i, flip)
			}
		}
	}
}

func again(data []byte) ([]byte, error) {
	f, err := evidence.Decode(data)
	if err != nil {
		return nil, err
	}
	return f.Encode(), nil
}

func TestDecodingIsStrict(t *testing.T) {
	for _, file := range proofs(t) {
		canonicaltest.Strict(t, file.Encode(), again)
	}
	file := proofs(t)[evidence.TwoMessages]
	require.True(t, evidence.Recognise(file.Encode()))
	for why, data := range map[string][]byte{
		"version 2":               evidence.File{Kind: file.Kind, Version: 2, A: file.A, B: file.B}.Encode(),
		"not in byte order":       evidence.File{Kind: file.Kind, Version: 1, A: file.B, B: file.A}.Encode(),
		"does not begin with":     evidence.File{Kind: "two-messages", Version: 1, A: file.A, B: file.B}.Encode(),
		"encoding is too large":   evidence.New(file.Kind, make([]byte, evidence.MaxBytes), nil).Encode(),
		"does not begin with the": {},
	} {
		_, err := evidence.Decode(data)
		require.ErrorIs(t, err, evidence.ErrInvalid, why)
		require.ErrorContains(t, err, why)
	}
}

func TestEncodingsNeverChangeByAccident(t *testing.T) {
	var golden []canonicaltest.Golden
	for _, kind := range []evidence.Kind{evidence.TwoHeaders, evidence.TwoMessages, evidence.Fork} {
		golden = append(golden, canonicaltest.Golden{Name: string(kind), Data: proofs(t)[kind].Encode()})
	}
	canonicaltest.RequireGolden(t, "evidence.txt", golden...)
}

func FuzzDecode(f *testing.F) {
	for _, file := range proofs(f) {
		f.Add(file.Encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		canonicaltest.Same(t, data, again)
		file, err := evidence.Decode(data)
		if err != nil {
			return
		}
		if proof, err := file.Verify(group(t)); err == nil {
			require.NotEmpty(t, proof.Culprits)
			for _, culprit := range proof.Culprits {
				require.True(t, group(t).Contains(culprit))
			}
			require.NotEmpty(t, proof.Sentence(keys.Public.String))
		}
	})
}

func ExampleFile_Verify() {
	convicted := key(1)
	sign := func(text string) block.Message {
		m, _ := block.NewMessage(convicted, network, "epoch-5", []byte(text), 5)
		return m
	}
	data := evidence.OfMessages(sign("98.5"), sign("0.0")).Encode() // the content of a file

	file, err := evidence.Decode(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	members, _ := membership.NewGroup(network, 1, []keys.Public{convicted.Public()}, membership.DefaultLimits())
	proof, err := file.Verify(members)
	fmt.Println(proof.Sentence(func(keys.Public) string { return "nymapi-1" }), err)
	// Output: nymapi-1 signed two messages under the label "epoch-5" <nil>
}
