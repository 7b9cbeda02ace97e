package certificate

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// DoubleSigners returns the members that signed both of two valid certificates of group, in byte
// order. If these are for different blocks of one slot there are at least f+1, because any two
// quorums share that many (PROTOCOL.md Q1), and each of them broke its promise.
func DoubleSigners(group *membership.Group, a, b Certificate) []keys.Public {
	var both []keys.Public
	for i := range group.N() {
		if a.Signed(i) && b.Signed(i) {
			both = append(both, group.Member(i))
		}
	}
	return both
}

// VerifyFork returns an error unless the certificates prove that two different blocks were
// certified in one slot of group, and so that more than f of its members are faulty. Errors wrap
// ErrInvalid.
func VerifyFork(group *membership.Group, a, b Certificate) error {
	switch {
	case a.Slot != b.Slot:
		return fmt.Errorf("%w: the certificates are for slots %s and %s, expected one slot", ErrInvalid, a.Slot, b.Slot)
	case a.Block == b.Block:
		return fmt.Errorf("%w: both certificates are for block %s, expected two blocks", ErrInvalid, a.Block.Short())
	}
	if err := a.Verify(group); err != nil {
		return err
	}
	return b.Verify(group)
}
