package epoch

import (
	"context"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
)

// A Nym-API signs the hash of a description with its report, and so what the description states
// about the epochs before: the head of the chain of records, and the history of reporters. It signs
// only what it has checked, from the first description that it ever learnt on.

// follows checks that the state in a description of version 2 follows from that in the description
// before, by the cores of the epochs that were settled between them. A contract that changes its
// history so gets no reports. The first description is taken as it is, and so is the first one that
// does not follow if Config.AcceptHistory says so.
func (c *Clock) follows(ctx context.Context, d contract.Description) error {
	if d.Version == 1 || c.config.Core == nil {
		return nil
	}
	err := c.compare(ctx, d)
	if errors.Is(err, verify.ErrMismatch) && c.config.AcceptHistory && !c.accepted {
		c.accepted, c.reached = true, contract.State{} // that was in the other history
		c.config.Logger.WarnContext(ctx, "the contract continues after another history, which is accepted as configured", "epoch", d.Epoch, "err", err)
		return nil
	}
	if errors.Is(err, verify.ErrMismatch) {
		return fmt.Errorf("%w: %w", ErrDescription, err)
	}
	return err // such as a contract that does not respond
}

// compare returns nil if the state in a description follows, otherwise an error that wraps
// verify.ErrMismatch, or that of Config.Core.
func (c *Clock) compare(ctx context.Context, d contract.Description) error {
	c.mu.Lock()
	before, known := c.history.before(d.Epoch)
	c.mu.Unlock()
	if !known {
		return nil
	}
	state := before.Description.State
	if d.State.Settled < state.Settled {
		return fmt.Errorf("%w: it states what was settled up to epoch %d, the description of epoch %d up to epoch %d",
			verify.ErrMismatch, d.State.Settled, before.Description.Epoch, state.Settled)
	}
	if c.reached.Settled > state.Settled && c.reached.Settled <= d.State.Settled {
		state = c.reached
	}
	for state.Settled < d.State.Settled {
		core, err := c.config.Core(ctx, state.Settled+1)
		if err != nil {
			return fmt.Errorf("fetch the core of epoch %d: %w", state.Settled+1, err)
		}
		if state, err = verify.Follow(state, d.ContractKey, core); err != nil {
			return err
		}
		c.reached = state // a later call continues here if the next core cannot be fetched
	}
	return verify.Stated(d.State, state)
}

// before returns the newest epoch before one whose description has a state.
func (h *history) before(id contract.Epoch) (Entry, bool) {
	i, _ := h.find(id)
	for i--; i >= 0; i-- {
		if h.entries[i].Description.Version > 1 {
			return h.entries[i], true
		}
	}
	return Entry{}, false
}
