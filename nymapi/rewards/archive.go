package rewards

import (
	"context"
	"errors"
	"log/slog"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Blocks looks up certified blocks, for example in a node's store.
type Blocks interface {
	// CertifiedByID returns the certified block with that ID, or store.ErrNotFound.
	CertifiedByID(ctx context.Context, id block.ID) (store.Certified, error)
}

// Archive keeps the winner of each epoch, and the winner's block as soon as it is delivered.
type Archive struct {
	Store    *Store
	Calendar Calendar
	Blocks   Blocks // nil without Ephemera
	Logger   *slog.Logger
	// Keep is the number of epochs in the database. It must exceed the number of open epochs.
	Keep int

	pruned contract.Epoch // the newest epoch at the last pruning
}

// Run stores the winners of the calendar until ctx is done. It returns only errors of the database.
func (a *Archive) Run(ctx context.Context) error {
	done := map[contract.Epoch]bool{}
	for {
		changed := a.Calendar.Changed()
		if err := a.learn(ctx, done); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// learn stores the winners that are not done yet. Done holds only epochs of the calendar.
func (a *Archive) learn(ctx context.Context, done map[contract.Epoch]bool) error {
	entries := a.Calendar.Epochs()
	known := make(map[contract.Epoch]bool, len(entries))
	for _, e := range entries {
		id := e.Description.Epoch
		known[id] = true
		if e.Winner == nil || done[id] {
			continue
		}
		err := a.won(ctx, id, *e.Winner)
		if errors.Is(err, store.ErrCorrupt) {
			continue // the node fetches the block again
		}
		if err != nil {
			return err
		}
		done[id] = true
	}
	for id := range done {
		if !known[id] {
			delete(done, id)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	return a.prune(ctx, entries[len(entries)-1].Description.Epoch)
}

// prune drops old epochs, once for each new epoch.
func (a *Archive) prune(ctx context.Context, newest contract.Epoch) error {
	keep := contract.Epoch(a.Keep)
	if newest <= keep || newest == a.pruned {
		return nil
	}
	a.pruned = newest
	return a.Store.Prune(ctx, newest-keep)
}

func (a *Archive) won(ctx context.Context, id contract.Epoch, w contract.Winner) error {
	if err := a.Store.SetWinner(ctx, id, w); err != nil {
		return err
	}
	a.Logger.InfoContext(ctx, "epoch rewarded", "epoch", id, "winner", w.Name, "block", w.Block.Short())
	if a.Blocks == nil || w.Block == (block.ID{}) {
		return nil
	}
	held, err := a.Blocks.CertifiedByID(ctx, w.Block)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it will be passed to Delivered
	}
	if err != nil {
		return err
	}
	return a.Delivered(ctx, id, held.Block, held.Certificate)
}

// Delivered stores a certified block if it is known to be the winner's. If a block is delivered
// before the winner is known, Run looks it up in the node's store later.
func (a *Archive) Delivered(ctx context.Context, id contract.Epoch, b block.Block, c certificate.Certificate) error {
	kept, err := a.Store.KeepWinningBlock(ctx, id, b, c)
	if kept {
		a.Logger.DebugContext(ctx, "winner's block stored", "epoch", id, "block", b.ID().Short())
	}
	return err
}
