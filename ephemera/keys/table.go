package keys

import (
	"crypto/sha512"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
)

// table verifies signatures of one key A. It holds multiples of -A, as curve25519-voi holds those
// of the base point B. The two products in R = S·B - k·A are then sums of multiples, 64 each, with
// four doublings instead of 250. It is 41 kB and safe for concurrent use.
type table struct {
	negated *curve.EdwardsBasepointTable
}

// newTable returns the table of a key, or nil if the key is not an encoding of a point.
func newTable(key Public) *table {
	encoded := curve.CompressedEdwardsY(key)
	var point curve.EdwardsPoint
	if _, err := point.SetCompressedY(&encoded); err != nil {
		return nil
	}
	return &table{negated: curve.NewEdwardsBasepointTable(point.Neg(&point))}
}

// verify does what Public.Verify does for the table's key (RFC 8032 §5.1.7, without the cofactor):
// S must be below the group order, and R is compared as bytes.
func (t *table) verify(key Public, signing []byte, signature Signature) bool {
	var s, k scalar.Scalar
	if _, err := s.SetCanonicalBytes(signature[32:]); err != nil {
		return false
	}
	hash := sha512.New()
	hash.Write(signature[:32])
	hash.Write(key[:])
	hash.Write(signing)
	var digest [sha512.Size]byte
	if _, err := k.SetBytesModOrderWide(hash.Sum(digest[:0])); err != nil {
		return false
	}
	var sum, product curve.EdwardsPoint
	sum.MulBasepoint(curve.ED25519_BASEPOINT_TABLE, &s)
	sum.Add(&sum, product.MulBasepoint(t.negated, &k))
	var point curve.CompressedEdwardsY
	point.SetEdwardsPoint(&sum)
	return point == curve.CompressedEdwardsY(signature[:32])
}
