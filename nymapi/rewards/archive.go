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

// Blocks finds certified blocks: a node's store.
type Blocks interface {
	// CertifiedByID returns the certified block of that ID. store.ErrNotFound when there is none.
	CertifiedByID(ctx context.Context, id block.ID) (store.Certified, error)
}

// Archive keeps who won each epoch, and the winner's block as soon as it is there too.
type Archive struct {
	Store    *Store
	Calendar Calendar
	Blocks   Blocks // nil without Ephemera
	Logger   *slog.Logger
	// Keep is how many epochs the database holds, more than the contract keeps open.
	Keep int

	pruned contract.Epoch // the newest epoch when the database was pruned last
}

// Run learns winners from the calendar until ctx is done. An error is the database's.
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

// learn stores winners that are not done yet. Done holds epochs of the calendar only.
func (a *Archive) learn(ctx context.Context, done map[contract.Epoch]bool) error {
	entries := a.Calendar.Epochs()
	known := make(map[contract.Epoch]bool, len(entries))
	for _, e := range entries {
		id := e.Description.Epoch
		known[id] = true
		if e.Winner == nil || done[id] {
			continue
		}
		if err := a.won(ctx, id, *e.Winner); err != nil {
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

// prune drops old epochs, once for each new one.
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
	a.Logger.InfoContext(ctx, "epoch is rewarded", "epoch", id, "winner", w.Name, "block", w.Block.Short())
	if a.Blocks == nil || w.Block == (block.ID{}) {
		return nil
	}
	held, err := a.Blocks.CertifiedByID(ctx, w.Block)
	if errors.Is(err, store.ErrNotFound) {
		return nil // Delivered gets it
	}
	if err != nil {
		return err
	}
	return a.Delivered(ctx, id, held.Block, held.Certificate)
}

// Delivered keeps a certified block if it is known to be the winner's. Of a block that is delivered
// before its winner is known, Run finds it in the node's store.
func (a *Archive) Delivered(ctx context.Context, id contract.Epoch, b block.Block, c certificate.Certificate) error {
	kept, err := a.Store.KeepWinningBlock(ctx, id, b, c)
	if kept {
		a.Logger.DebugContext(ctx, "winner's block is kept", "epoch", id, "block", b.ID().Short())
	}
	return err
}
