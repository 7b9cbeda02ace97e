package keys_test

import (
	"crypto/ed25519"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// The curve of RFC 8032 §5.1: -x² + y² = 1 + d·x²·y² modulo p.
var (
	p = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	d = times(big.NewInt(-121665), inverse(big.NewInt(121666)))
)

func times(factors ...*big.Int) *big.Int {
	product := big.NewInt(1)
	for _, factor := range factors {
		product.Mul(product, factor).Mod(product, p)
	}
	return product
}

func inverse(a *big.Int) *big.Int { return new(big.Int).ModInverse(a, p) }

func roots(square *big.Int) []*big.Int {
	root := new(big.Int).ModSqrt(new(big.Int).Mod(square, p), p)
	if root == nil {
		return nil
	}
	return []*big.Int{root, times(root, big.NewInt(-1))}
}

// smallOrder returns the y coordinates of the points whose order divides 8. The points of order 1
// and 2 are (0, ±1), those of order 4 are (x, 0). A point of order 8 doubles to one of order 4,
// with y = 0, so x² = -y², and the curve's equation becomes d·y⁴ + 2·y² - 1 = 0.
func smallOrder() []*big.Int {
	all := []*big.Int{big.NewInt(1), times(big.NewInt(-1)), big.NewInt(0)}
	for _, root := range roots(new(big.Int).Add(big.NewInt(4), times(big.NewInt(4), d))) {
		square := times(new(big.Int).Sub(root, big.NewInt(2)), inverse(times(big.NewInt(2), d)))
		all = append(all, roots(square)...)
	}
	return all
}

// encodings returns the encodings of a y coordinate, canonical or not, with either sign bit.
func encodings(y *big.Int) []keys.Public {
	var all []keys.Public
	for value := new(big.Int).Set(y); value.BitLen() <= 255; value.Add(value, p) {
		for _, sign := range []byte{0, 0x80} {
			var key keys.Public
			value.FillBytes(key[:])
			slices.Reverse(key[:])
			key[31] |= sign
			all = append(all, key)
		}
	}
	return all
}

func TestPointsOfSmallOrderAreRecognised(t *testing.T) {
	count := 0
	for _, y := range smallOrder() {
		for _, key := range encodings(y) {
			require.ErrorIs(t, key.CheckOrder(), keys.ErrSmallOrder)
			count++
		}
	}
	require.Equal(t, 14, count, "seven encodings of five y coordinates, each with two sign bits")

	for i := range 200 {
		key := keys.FromSeed([32]byte{byte(i)}).Public()
		require.NoError(t, key.CheckOrder())
		key[i%32] ^= 1
		require.NoError(t, key.CheckOrder())
	}
	// One more or one less than each is not of small order, except that 0, 1, p-1, p and p+1 are
	// neighbours.
	for _, y := range []*big.Int{big.NewInt(2), new(big.Int).Sub(p, big.NewInt(2)), new(big.Int).Add(p, big.NewInt(2))} {
		for _, key := range encodings(y) {
			require.NoError(t, key.CheckOrder())
		}
	}
}

// The reason for the rule: under a key of small order, a signature that nobody made verifies.
func TestSignaturesUnderKeysOfSmallOrderMeanNothing(t *testing.T) {
	identity := keys.Public{1}
	var forged keys.Signature
	forged[0] = 1 // R is the identity, S is 0
	require.True(t, ed25519.Verify(identity[:], []byte("any message"), forged[:]))
	require.ErrorIs(t, identity.CheckOrder(), keys.ErrSmallOrder)
}
