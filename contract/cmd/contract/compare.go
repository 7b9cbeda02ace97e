package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// comparison compares the tables of a database with the evidence of its epochs, in their order.
type comparison struct {
	reader *store.Reader
	owner  store.Identity
	names  map[keys.Public]string // trusted ones, nil if not known
	newest contract.Epoch         // of those that are compared
	state  contract.State         // after the last epoch that was compared, recomputed
	differ bool                   // the tables of an epoch differ
}

// epoch compares what the database shows of an epoch with its evidence, and at the newest one also
// what it shows of all of them.
func (c *comparison) epoch(ctx context.Context, epoch contract.Epoch, a verify.Audited) error {
	known := c.advance(epoch, a)
	err := c.compare(ctx, epoch, a, known)
	c.differ = c.differ || err != nil
	if c.differ || epoch != c.newest {
		return err
	}
	if err := c.reader.CheckMembers(ctx, c.names); err != nil {
		return err
	}
	if err := c.reader.CheckTotals(ctx); err != nil || !known {
		return err
	}
	return c.reader.CheckHistory(ctx, c.state)
}

// advance recomputes the state after an epoch, from that after the one before or from what the
// description states. It reports whether that was possible.
func (c *comparison) advance(epoch contract.Epoch, a verify.Audited) bool {
	d := a.Description
	if c.state.Settled != epoch-1 {
		c.state = d.State
	}
	full := d.Rules.Mode == contract.ModeFull && a.Record.Status == contract.StatusRewarded
	if c.state.Settled != epoch-1 || d.Epoch != epoch || a.Record.Epoch != epoch || full && len(a.Matrix.Rows) == 0 {
		return false
	}
	c.state = c.state.After(a.Record, d, a.Matrix)
	return true
}

func (c *comparison) compare(ctx context.Context, epoch contract.Epoch, a verify.Audited, known bool) error {
	if d := a.Description; d.ContractKey != c.owner.Key || d.Epoch != epoch {
		return fmt.Errorf("%w: evidence of epoch %d of contract %s", verify.ErrMismatch, d.Epoch, d.ContractKey)
	}
	shown, err := c.reader.Epoch(ctx, epoch)
	if err != nil {
		return err
	}
	if err := a.Describes(shown); err != nil {
		return err
	}
	if a.Record.Epoch == epoch { // otherwise the check "strict form" or "chain" says so
		if err := c.reader.CheckSettled(ctx, a); err != nil {
			return err
		}
		if err := c.reader.CheckAccepted(ctx, a); err != nil {
			return err
		}
	}
	if err := c.reader.CheckReports(ctx, epoch, a); err != nil {
		return err
	}
	if known {
		if err := c.reader.CheckDeviations(ctx, a, c.state); err != nil {
			return err
		}
	}
	return c.annex(ctx, epoch, a)
}

// annex compares what is shown of other submissions and of culprits with the annex of the epoch.
func (c *comparison) annex(ctx context.Context, epoch contract.Epoch, a verify.Audited) error {
	encoded, err := c.reader.Annex(ctx, epoch)
	if errors.Is(err, store.ErrNotFound) {
		return nil // not closed yet
	}
	if err != nil {
		return err
	}
	annex, err := contract.DecodeAnnex(encoded)
	if err != nil || annex.Epoch != epoch {
		return nil // as the check "annex" says
	}
	if err := c.reader.CheckCaught(ctx, annex); err != nil {
		return err
	}
	if err := c.reader.CheckAttempts(ctx, annex); err != nil {
		return err
	}
	return c.reader.CheckSpread(ctx, a, annex)
}
