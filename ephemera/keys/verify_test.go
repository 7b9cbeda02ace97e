package keys_test

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"slices"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// agrees verifies a signature with this package, and requires the verdict of crypto/ed25519: the
// first time, once the key is remembered, and with a table of its multiples.
func agrees(t require.TestingT, key, signing, signature []byte) bool {
	want := ed25519.Verify(key, signing, signature)
	for range 3 {
		require.Equal(t, want, keys.Public(key).Verify(signing, keys.Signature(signature)), "key %x, message %x, signature %x", key, signing, signature)
	}
	require.Equal(t, want, keys.VerifyByTable(keys.Public(key), signing, keys.Signature(signature)), "by table: key %x, message %x, signature %x", key, signing, signature)
	return want
}

func unhex(t require.TestingT, text string) []byte {
	data, err := hex.DecodeString(text)
	require.NoError(t, err)
	return data
}

type speccheck struct {
	Message   string `json:"message"`
	Key       string `json:"pub_key"`
	Signature string `json:"signature"`
}

func speccheckCases(t require.TestingT) (cases []speccheck) {
	data, err := os.ReadFile("testdata/speccheck/cases.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &cases))
	return cases
}

// The edge cases in which verifiers differ. Those of ZIP-215 accept the fifth, sixth, tenth and
// eleventh.
func TestVerifyFollowsTheStandardLibraryInSpeccheck(t *testing.T) {
	want := []bool{true, true, true, true, false, false, false, false, false, false, false, true}
	cases := speccheckCases(t)
	require.Len(t, cases, len(want))
	for i, c := range cases {
		require.Equal(t, want[i], agrees(t, unhex(t, c.Key), unhex(t, c.Message), unhex(t, c.Signature)), "case %d", i)
	}
}

// torsion returns the eight points whose order divides eight.
func torsion(t require.TestingT) (all []*curve.EdwardsPoint) {
	for _, y := range smallOrder() {
		for _, key := range encodings(y)[:2] { // canonical, with either sign
			var point curve.EdwardsPoint
			var compressed curve.CompressedEdwardsY
			copy(compressed[:], key[:])
			_, err := point.SetCompressedY(&compressed)
			require.NoError(t, err)
			if !slices.ContainsFunc(all, func(other *curve.EdwardsPoint) bool { return other.Equal(&point) == 1 }) {
				all = append(all, &point)
			}
		}
	}
	require.Len(t, all, 8)
	return all
}

// Keys and points R with a component of small order: crypto/ed25519 accepts a signature only if
// these components happen to cancel out, a verifier with the cofactor always.
func TestComponentsOfSmallOrderAreJudgedAsByTheStandardLibrary(t *testing.T) {
	var a, r scalar.Scalar
	for _, s := range []*scalar.Scalar{&a, &r} {
		digest := sha512.Sum512([]byte{byte(len("scalar"))})
		if s == &r {
			digest = sha512.Sum512(digest[:])
		}
		_, err := s.SetBytesModOrderWide(digest[:])
		require.NoError(t, err)
	}
	var accepted, rejected int
	for _, inKey := range torsion(t) {
		for _, inR := range torsion(t) {
			for message := range byte(12) {
				key, point := compress(&a, inKey), compress(&r, inR)
				digest := sha512.Sum512(slices.Concat(point, key, []byte{message}))
				var s scalar.Scalar
				_, err := s.SetBytesModOrderWide(digest[:])
				require.NoError(t, err)
				s.Mul(&s, &a)
				s.Add(&s, &r)
				tail := make([]byte, 32)
				require.NoError(t, s.ToBytes(tail))
				if agrees(t, key, []byte{message}, append(point, tail...)) {
					accepted++
				} else {
					rejected++
				}
			}
		}
	}
	require.Greater(t, accepted, 50)
	require.Greater(t, rejected, 500)
}

// compress returns the encoding of s·B plus a point.
func compress(s *scalar.Scalar, more *curve.EdwardsPoint) []byte {
	var point curve.EdwardsPoint
	point.MulBasepoint(curve.ED25519_BASEPOINT_TABLE, s)
	var compressed curve.CompressedEdwardsY
	compressed.SetEdwardsPoint(point.Add(&point, more))
	return compressed[:]
}

// Every encoding of a point of small order, as key and as R, with S of 0, 1, and the group order.
func TestEncodingsOfSmallOrderAreJudgedAsByTheStandardLibrary(t *testing.T) {
	order, ok := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	require.True(t, ok)
	var all []keys.Public
	for _, y := range smallOrder() {
		all = append(all, encodings(y)...)
	}
	accepted := 0
	for _, key := range all {
		for _, point := range all {
			for _, s := range []*big.Int{big.NewInt(0), big.NewInt(1), order} {
				tail := s.FillBytes(make([]byte, 32))
				slices.Reverse(tail)
				for message := range byte(4) {
					if agrees(t, key[:], []byte{message}, append(point[:], tail...)) {
						accepted++
					}
				}
			}
		}
	}
	require.Positive(t, accepted)
}

// No bit of key, message or signature may differ.
func TestEveryBitOfASignatureCounts(t *testing.T) {
	key := keys.FromSeed([32]byte{9})
	public, signing, signature := key.Public(), []byte("a message"), key.Sign([]byte("a message"))
	require.True(t, agrees(t, public[:], signing, signature[:]))
	for _, field := range [][]byte{public[:], signing, signature[:]} {
		for bit := range 8 * len(field) {
			field[bit/8] ^= 1 << (bit % 8)
			require.False(t, agrees(t, public[:], signing, signature[:]))
			field[bit/8] ^= 1 << (bit % 8)
		}
	}
}

func FuzzVerify(f *testing.F) {
	for _, c := range speccheckCases(f) {
		f.Add(unhex(f, c.Key), unhex(f, c.Message), unhex(f, c.Signature))
	}
	f.Fuzz(func(t *testing.T, key, signing, signature []byte) {
		if len(key) == ed25519.PublicKeySize && len(signature) == ed25519.SignatureSize {
			agrees(t, key, signing, signature)
		}
	})
}

// BenchmarkVerify compares one verification of this package with one of crypto/ed25519.
func BenchmarkVerify(b *testing.B) {
	key := keys.FromSeed([32]byte{9})
	public, signing := key.Public(), make([]byte, 200)
	signature := key.Sign(signing)
	b.Run("keys", func(b *testing.B) {
		for b.Loop() {
			if !public.Verify(signing, signature) {
				b.Fatal("refused")
			}
		}
	})
	b.Run("crypto/ed25519", func(b *testing.B) {
		for b.Loop() {
			if !ed25519.Verify(public[:], signing, signature[:]) {
				b.Fatal("refused")
			}
		}
	})
}
