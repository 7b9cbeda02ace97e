package verify

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// Records checks the chain of a contract's records, from epoch 1 on in ascending order. The zero
// value is ready to use. It is not safe for concurrent use.
type Records struct {
	last contract.Record // zero before the first
}

// Next checks the record of the epoch after the last one: the contract of the first record signed
// it, and it names the last record. The error wraps ErrMismatch. After an error the chain continues
// with r, so that the records behind a fault are checked, too.
func (c *Records) Next(r contract.Record) error {
	if err := c.next(r); err != nil {
		return fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	return nil
}

func (c *Records) next(r contract.Record) error {
	before := c.last
	c.last = r
	if err := follows(r, before); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

func follows(r, before contract.Record) error {
	var previous contract.Hash
	if before.Epoch != 0 {
		previous = before.Hash()
	}
	switch {
	case !r.Verify():
		return errors.New("bad signature")
	case before.Epoch != 0 && (r.Contract != before.Contract || r.Network != before.Network):
		return fmt.Errorf("of contract %s in network %q, that of epoch %d is of %s in %q", r.Contract, r.Network, before.Epoch, before.Contract, before.Network)
	case r.Epoch != before.Epoch+1:
		return fmt.Errorf("of epoch %d, expected %d: epochs were removed", r.Epoch, before.Epoch+1)
	case r.Previous != previous:
		return fmt.Errorf("it follows record %s, that of epoch %d is %s", r.Previous, before.Epoch, previous)
	}
	return nil
}

// Record checks that the record is about this description and settlement: the hash of the rewards
// and the digest of the submission are zero for a missed epoch. It does not check the signature.
// The error names what does not fit.
func Record(r contract.Record, d contract.Description, rewards, submission contract.Hash) error {
	switch {
	case r.Network != d.Network || r.Contract != d.ContractKey || r.Epoch != d.Epoch || r.Description != d.Hash():
		return fmt.Errorf("record: of epoch %d of contract %s, description %s; expected epoch %d of %s, description %s",
			r.Epoch, r.Contract, r.Description, d.Epoch, d.ContractKey, d.Hash())
	case r.Rewards != rewards:
		return fmt.Errorf("record: %s with rewards %s, expected %s", r.Status, r.Rewards, rewards)
	case r.Submission != submission:
		return fmt.Errorf("record: %s with submission %s, expected %s", r.Status, r.Submission, submission)
	}
	return nil
}
