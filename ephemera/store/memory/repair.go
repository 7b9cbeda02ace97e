package memory

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/leaves"
)

// repair writes a certified block over what is stored of it.
func (d *data) repair(w store.PutRepaired, u *undo) error {
	slot, id := w.Block.Header.Slot(), w.Block.ID()
	switch other, ok := d.slots[slot]; {
	case !ok:
		return fmt.Errorf("repair slot %s: %w", slot, store.ErrNotFound)
	case other != id:
		return fmt.Errorf("%w: slot %s, block %s", store.ErrConflict, slot, other)
	}
	put(u, d.certificates, id, cloned(w.Certificate))
	// Remove the messages as Prune does.
	if held := d.blocks[id]; w.Block.Pruned() && len(held.Messages) > 0 {
		arrived := d.arrived[id]
		put(u, d.removed, id, removed{leaves.Of(held), arrived})
		delete(d.arrived, id)
		*u = append(*u, func() { d.arrived[id] = arrived })
	}
	d.replace(id, w.Block, u)
	return nil
}

// replace writes a block over the stored one.
func (d *data) replace(id block.ID, b block.Block, u *undo) {
	if err, ok := d.broken[id]; ok {
		delete(d.broken, id)
		*u = append(*u, func() { d.broken[id] = err })
	}
	b.Messages = slices.Clone(b.Messages)
	put(u, d.blocks, id, b)
}
