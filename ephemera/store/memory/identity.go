package memory

import (
	"context"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Identity returns whose store this is; see store.Store.
func (s *Store) Identity(ctx context.Context) (identity store.Identity, err error) {
	err = s.read(ctx, func(d *data) error {
		if d.identity == nil {
			return store.ErrNotFound
		}
		identity = *d.identity
		identity.Votes = d.votings
		return nil
	})
	return identity, err
}

// SetIdentity writes whose store this is; see store.Store.
func (s *Store) SetIdentity(ctx context.Context, identity store.Identity) error {
	return s.locked(ctx, func(d *data) error {
		if old := d.identity; old != nil && (old.Network != identity.Network || old.Key != identity.Key) {
			return fmt.Errorf("%w: key %s in network %q", store.ErrForeign, old.Key, old.Network)
		}
		d.identity, d.votings = &identity, max(d.votings, identity.Votes)
		return nil
	})
}
