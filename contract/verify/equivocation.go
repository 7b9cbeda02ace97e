package verify

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// ErrNoEquivocation reports two receipts that do not show that a contract signed twice.
var ErrNoEquivocation = errors.New("the receipts do not prove that the contract signed twice")

// Equivocation returns nil if two receipts prove that the contract with a key signed two different
// receipts for one epoch of one network. A correct contract signs one: a retry returns the same.
// Otherwise the error wraps ErrNoEquivocation and says why.
func Equivocation(key keys.Public, a, b contract.Receipt) error {
	for _, r := range []contract.Receipt{a, b} {
		if r.Contract != key {
			return fmt.Errorf("%w: one is of contract %s", ErrNoEquivocation, r.Contract)
		}
		if !r.Verify() {
			return fmt.Errorf("%w: the signature of the one for epoch %d is wrong", ErrNoEquivocation, r.Epoch)
		}
	}
	if a.Network != b.Network || a.Epoch != b.Epoch {
		return fmt.Errorf("%w: they are for epoch %d of network %q and epoch %d of network %q", ErrNoEquivocation, a.Epoch, a.Network, b.Epoch, b.Network)
	}
	a.Signature, b.Signature = keys.Signature{}, keys.Signature{}
	if a == b {
		return fmt.Errorf("%w: they state the same", ErrNoEquivocation)
	}
	return nil
}
