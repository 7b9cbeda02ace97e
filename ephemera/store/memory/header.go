package memory

import (
	"context"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Header returns the header of a certified block; see store.Store.
func (s *Store) Header(ctx context.Context, slot block.Slot) (found block.SignedHeader, err error) {
	err = s.read(ctx, func(d *data) error {
		id, ok := d.slots[slot]
		if !ok {
			return store.ErrNotFound
		}
		signed := d.blocks[id].SignedHeader
		if err := store.CheckHeader(id, signed.Header); err != nil {
			return store.Locate(err, slot, 0, nil)
		}
		found = signed
		return nil
	})
	return found, err
}
