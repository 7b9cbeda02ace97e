// Package certificate verifies that a block was certified: that q distinct members of the block's
// group have signed an echo of it. It works offline, from a group and bytes.
//
// An echo states "I hold all of this block, it is valid, and I sign no other block for this slot"
// (PROTOCOL.md R3). Package broadcast collects echoes into certificates.
package certificate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// ErrInvalid reports an echo or certificate that proves nothing. One wrong bit or signature makes
// the whole certificate invalid.
var ErrInvalid = errors.New("invalid certificate")

const domain = "ephemera/echo/v1"

// SigningBytes returns the bytes that an echo signs: the domain tag and the network (package keys),
// then the group ID (32 bytes), the creator (32), the height (8, big endian) and the block ID (32).
func SigningBytes(network string, slot block.Slot, id block.ID) []byte {
	body := keys.AppendDomain(make([]byte, 0, len(domain)+2+len(network)+3*32+8), domain, network)
	body = append(body, slot.Group[:]...)
	body = append(body, slot.Creator[:]...)
	body = binary.BigEndian.AppendUint64(body, slot.Height)
	return append(body, id[:]...)
}

// Echo is one member's signature of one block in a slot.
type Echo struct {
	_         struct{} `cbor:",toarray"`
	Slot      block.Slot
	Block     block.ID
	Signer    keys.Public
	Signature keys.Signature
}

// Verify returns an error unless the echo counts towards a certificate in group: it names group,
// its signer and its creator are members, and the signature is valid. Errors wrap ErrInvalid.
func (e Echo) Verify(group *membership.Group) error {
	switch {
	case e.Slot.Group != group.ID():
		return fmt.Errorf("%w: echo is for group %s, expected %s", ErrInvalid, e.Slot.Group, group.ID())
	case !group.Contains(e.Signer):
		return fmt.Errorf("%w: signer %s is not a member of group %d", ErrInvalid, e.Signer, group.Number())
	case !group.Contains(e.Slot.Creator):
		return fmt.Errorf("%w: creator %s is not a member of group %d", ErrInvalid, e.Slot.Creator, group.Number())
	case !e.Signer.Verify(SigningBytes(group.Network(), e.Slot, e.Block), e.Signature):
		return fmt.Errorf("%w: the signature of %s is not valid", ErrInvalid, e.Signer)
	}
	return nil
}

// Certificate holds the echoes of at least q members for one block. Certificates of the same block
// may have different signers; Merge forms their union.
type Certificate struct {
	_     struct{} `cbor:",toarray"`
	Slot  block.Slot
	Block block.ID
	// Signers is a bitmap: bit i%8, lowest first, of byte i/8 stands for the i-th member in byte
	// order.
	Signers []byte
	// Signatures has one signature for each bit set, in the same order.
	Signatures []keys.Signature
}

// New returns a certificate made of signatures, keyed by the signer's index in group. It does not
// verify them.
func New(group *membership.Group, slot block.Slot, id block.ID, signatures map[int]keys.Signature) Certificate {
	c := Certificate{Slot: slot, Block: id, Signers: make([]byte, bitmapBytes(group.N()))}
	c.Signatures = slices.Grow(c.Signatures, len(signatures))
	for i := range group.N() {
		if signature, ok := signatures[i]; ok {
			c.Signers[i/8] |= 1 << (i % 8)
			c.Signatures = append(c.Signatures, signature)
		}
	}
	return c
}

func bitmapBytes(n int) int { return (n + 7) / 8 }

// Signed reports whether the certificate has a signature of the i-th member.
func (c Certificate) Signed(i int) bool {
	return i/8 < len(c.Signers) && c.Signers[i/8]&(1<<(i%8)) != 0
}

// Count returns the number of signers.
func (c Certificate) Count() int {
	count := 0
	for _, b := range c.Signers {
		count += bits.OnesCount8(b)
	}
	return count
}

// Members returns the signers in byte order. The certificate must belong to group.
func (c Certificate) Members(group *membership.Group) []keys.Public {
	members := make([]keys.Public, 0, c.Count())
	for i := range group.N() {
		if c.Signed(i) {
			members = append(members, group.Member(i))
		}
	}
	return members
}

// Check returns an error unless the certificate is well formed in group. It checks everything that
// Verify does except the signatures. Errors wrap ErrInvalid.
func (c Certificate) Check(group *membership.Group) error {
	switch {
	case c.Slot.Group != group.ID():
		return fmt.Errorf("%w: it is for group %s, expected %s", ErrInvalid, c.Slot.Group, group.ID())
	case !group.Contains(c.Slot.Creator):
		return fmt.Errorf("%w: creator %s is not a member of group %d", ErrInvalid, c.Slot.Creator, group.Number())
	case c.Slot.Height == 0 || c.Slot.Height > canonical.MaxNumber:
		return fmt.Errorf("%w: heights are 1..%d, not %d", ErrInvalid, int64(canonical.MaxNumber), c.Slot.Height)
	case len(c.Signers) != bitmapBytes(group.N()):
		return fmt.Errorf("%w: bitmap of %d bytes, expected %d", ErrInvalid, len(c.Signers), bitmapBytes(group.N()))
	case group.N()%8 != 0 && c.Signers[len(c.Signers)-1]>>(group.N()%8) != 0:
		return fmt.Errorf("%w: bit set beyond the %d members", ErrInvalid, group.N())
	case c.Count() != len(c.Signatures):
		return fmt.Errorf("%w: %d signers and %d signatures", ErrInvalid, c.Count(), len(c.Signatures))
	case c.Count() < group.Q():
		return fmt.Errorf("%w: %d signers, quorum is %d", ErrInvalid, c.Count(), group.Q())
	}
	return nil
}

// Verify returns an error unless the certificate proves that its block was certified in group.
// Every signature must be valid. Errors wrap ErrInvalid.
func (c Certificate) Verify(group *membership.Group) error {
	if err := c.Check(group); err != nil {
		return err
	}
	signing, next := SigningBytes(group.Network(), c.Slot, c.Block), 0
	for i := range group.N() {
		if !c.Signed(i) {
			continue
		}
		if !group.Member(i).Verify(signing, c.Signatures[next]) {
			return fmt.Errorf("%w: the signature of %s is not valid", ErrInvalid, group.Member(i))
		}
		next++
	}
	return nil
}

// VerifyBlock returns an error unless the certificate proves that b was certified in group. It
// checks the form of the block, the signatures of its creator and senders, and the certificate, as
// PROTOCOL.md §7 prescribes. Errors wrap ErrInvalid or block.ErrInvalid.
func VerifyBlock(group *membership.Group, b block.Block, c Certificate) error {
	if c.Slot != b.Header.Slot() || c.Block != b.ID() {
		return fmt.Errorf("%w: it is for block %s of %s, expected %s of %s", ErrInvalid, c.Block.Short(), c.Slot, b.ID().Short(), b.Header.Slot())
	}
	if err := b.Check(group); err != nil {
		return err
	}
	if err := b.VerifySignatures(); err != nil {
		return err
	}
	return c.Verify(group)
}

// VerifyHeader returns an error unless the certificate proves that the block with this header was
// certified in group. It serves for blocks whose messages were removed; what they were, it cannot
// prove. Errors wrap ErrInvalid or block.ErrInvalid.
func VerifyHeader(group *membership.Group, signed block.SignedHeader, c Certificate) error {
	if id := signed.Header.ID(); c.Slot != signed.Header.Slot() || c.Block != id {
		return fmt.Errorf("%w: it is for block %s of %s, expected %s of %s", ErrInvalid, c.Block.Short(), c.Slot, id.Short(), signed.Header.Slot())
	}
	if err := signed.Header.Check(group); err != nil {
		return err
	}
	if !signed.Verify() {
		return fmt.Errorf("%w: header of %s is not signed by its creator", ErrInvalid, c.Slot)
	}
	return c.Verify(group)
}

// Merge returns the union of two valid certificates of the same block of group. Where a member
// signed both, the signature in a is kept.
func Merge(group *membership.Group, a, b Certificate) Certificate {
	merged := Certificate{Slot: a.Slot, Block: a.Block, Signers: make([]byte, bitmapBytes(group.N()))}
	merged.Signatures = slices.Grow(merged.Signatures, min(len(a.Signatures)+len(b.Signatures), group.N()))
	nextA, nextB := 0, 0
	for i := range group.N() {
		signature, signed := keys.Signature{}, a.Signed(i) || b.Signed(i)
		if b.Signed(i) {
			signature = b.Signatures[nextB]
			nextB++
		}
		if a.Signed(i) {
			signature = a.Signatures[nextA]
			nextA++
		}
		if signed {
			merged.Signers[i/8] |= 1 << (i % 8)
			merged.Signatures = append(merged.Signatures, signature)
		}
	}
	return merged
}

// AppendCanonical appends the canonical encoding of the echo.
func (e Echo) AppendCanonical(dst []byte) []byte {
	dst = canonical.AppendBytes(e.Slot.AppendCanonical(canonical.AppendArray(dst, 4)), e.Block[:])
	return canonical.AppendBytes(canonical.AppendBytes(dst, e.Signer[:]), e.Signature[:])
}

// AppendCanonical appends the canonical encoding of the certificate.
func (c Certificate) AppendCanonical(dst []byte) []byte {
	dst = canonical.AppendBytes(c.Slot.AppendCanonical(canonical.AppendArray(dst, 4)), c.Block[:])
	dst = canonical.AppendArray(canonical.AppendBytes(dst, c.Signers), len(c.Signatures))
	for i := range c.Signatures {
		dst = canonical.AppendBytes(dst, c.Signatures[i][:])
	}
	return dst
}

var _ canonical.Taker = (*Certificate)(nil)

// TakeCanonical fills the certificate.
func (c *Certificate) TakeCanonical(from *canonical.Items) {
	from.Array()
	c.Slot.TakeCanonical(from)
	from.Fixed(c.Block[:])
	c.Signers = bytes.Clone(from.Bytes())
	c.Signatures = make([]keys.Signature, from.Array())
	for i := range c.Signatures {
		from.Fixed(c.Signatures[i][:])
	}
}

// Encode returns the canonical bytes.
func (c Certificate) Encode() []byte {
	return c.AppendCanonical(make([]byte, 0, MaxBytes(len(c.Signatures))))
}

// MaxBytes returns the largest length of an encoded certificate in a group of n members.
func MaxBytes(n int) int { return 256 + bitmapBytes(n) + 66*n }

// Decode decodes a certificate of a group of at most n members. It does not verify it; call Verify.
// Errors wrap ErrInvalid.
func Decode(data []byte, n int) (Certificate, error) {
	var c Certificate
	if err := canonical.Decode(data, MaxBytes(n), &c); err != nil {
		return Certificate{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return c, nil
}
