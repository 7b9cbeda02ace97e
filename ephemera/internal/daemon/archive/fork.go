package archive

import (
	"context"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// fork looks for another certified block in the slot of a block that the store does not hold. If
// there is one, it keeps both certificates, which stop the chain. It reports whether the block is
// left out, because its chain has stopped.
func (i *importer) fork(ctx context.Context, c store.Certified) (stopped bool, err error) {
	slot := c.Block.Header.Slot()
	chain := slot
	chain.Height = 0
	if i.stopped == nil {
		if err := i.loadForks(ctx); err != nil {
			return false, err
		}
	}
	if !i.stopped[chain] {
		other, err := i.certifiedAt(ctx, slot)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("look up slot %s: %w", slot, err)
		}
		i.stopped[chain] = true
		i.writes = append(i.writes, store.PutFork{Fork: store.NewFork(other.Certificate, c.Certificate)})
	}
	i.left = append(i.left, fmt.Errorf("block %s of slot %s: %w (see the node's forks; the chain has stopped)", c.Block.ID(), slot, store.ErrConflict))
	return true, nil
}

// certifiedAt returns the certified block of a slot, in the store or in the next commit.
func (i *importer) certifiedAt(ctx context.Context, slot block.Slot) (store.Certified, error) {
	if c, ok := i.pending[slot]; ok {
		return c, nil
	}
	return i.store.Certified(ctx, slot)
}

// loadForks notes the chains that have stopped already, by the slot of height 0.
func (i *importer) loadForks(ctx context.Context) error {
	forks, err := i.store.Forks(ctx)
	if err != nil {
		return err
	}
	i.stopped = make(map[block.Slot]bool)
	for _, f := range forks {
		chain := f.A.Slot
		chain.Height = 0
		i.stopped[chain] = true
	}
	return nil
}
