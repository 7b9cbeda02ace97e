package verify

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Follow returns the state after the epoch that was settled after the ones of before: it audits the
// epoch's core, and checks that its record is of the contract with that key and continues the chain
// of records. The error wraps ErrMismatch.
func Follow(before contract.State, key keys.Public, core contract.Core) (contract.State, error) {
	a, err := Audit(core)
	if err != nil {
		return contract.State{}, err
	}
	r := a.Record
	switch {
	case r.Epoch == 0:
		return contract.State{}, fmt.Errorf("%w: core of epoch %d of version 1, which has no record", ErrMismatch, a.Description.Epoch)
	case r.Contract != key:
		return contract.State{}, fmt.Errorf("%w: record of contract %s, expected %s", ErrMismatch, r.Contract.Short(), key.Short())
	case r.Epoch != before.Settled+1:
		return contract.State{}, fmt.Errorf("%w: record of epoch %d, expected that of epoch %d", ErrMismatch, r.Epoch, before.Settled+1)
	case r.Previous != before.Record:
		return contract.State{}, fmt.Errorf("%w: record of epoch %d after record %s, expected it after %s", ErrMismatch, r.Epoch, r.Previous, before.Record)
	}
	return before.After(r, a.Description, a.Matrix), nil
}

// Stated checks that a description states what follows from the epochs before it. The error wraps
// ErrMismatch and names the first difference.
func Stated(stated, expected contract.State) error {
	switch {
	case stated.Settled != expected.Settled:
		return fmt.Errorf("%w: description after epoch %d, expected epoch %d", ErrMismatch, stated.Settled, expected.Settled)
	case stated.Record != expected.Record:
		return fmt.Errorf("%w: description after record %s of epoch %d, expected %s", ErrMismatch, stated.Record, stated.Settled, expected.Record)
	case len(stated.History) != len(expected.History):
		return fmt.Errorf("%w: description with a history of %d reporters up to epoch %d, expected %d", ErrMismatch, len(stated.History), stated.Settled, len(expected.History))
	}
	for i, d := range expected.History {
		if got := stated.History[i]; got != d {
			return fmt.Errorf("%w: description with deviation %d of %s up to epoch %d, expected %d of %s",
				ErrMismatch, got.Squared, got.Reporter.Short(), stated.Settled, d.Squared, d.Reporter.Short())
		}
	}
	return nil
}
