package home_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/pebble"
)

func pebbles() home.Options {
	return home.Options{Store: home.Kind{Name: "pebble", Open: func(path string, logger *slog.Logger) (store.Store, error) {
		s, err := pebble.Open(path, logger)
		if err != nil {
			return nil, err
		}
		return s, nil
	}}}
}

// A home is not opened with another kind of store. The other store would be empty, and the node
// would not know what it signed.
func TestHomeKeepsItsKindOfStore(t *testing.T) {
	for name, test := range map[string]struct{ made, other home.Options }{
		"pebble": {pebbles(), home.Options{}},
		"sqlite": {home.Options{}, pebbles()},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for starts := range uint64(2) {
				h, err := home.OpenWith(t.Context(), dir, network, test.made)
				require.NoError(t, err)
				require.NoError(t, h.BeginGroup(3))
				identity, err := h.Store.Identity(t.Context())
				require.NoError(t, err)
				require.Equal(t, starts+1, identity.Starts)
				require.NoError(t, h.Close())
			}
			_, err := home.OpenWith(t.Context(), dir, network, test.other)
			require.ErrorIs(t, err, home.ErrKind)
			require.ErrorContains(t, err, "made with "+name)
			require.ErrorContains(t, err, dir)
			h, err := home.OpenWith(t.Context(), dir, network, test.made)
			require.NoError(t, err)
			require.Zero(t, h.MutedThrough())
			require.NoError(t, h.Close())
		})
	}
}

// The loss of a store is detected for every kind.
func TestLostPebbleMutes(t *testing.T) {
	dir := t.TempDir()
	h, err := home.OpenWith(t.Context(), dir, network, pebbles())
	require.NoError(t, err)
	require.NoError(t, h.BeginGroup(4))
	require.NoError(t, h.Close())
	require.NoError(t, os.RemoveAll(filepath.Join(dir, pebbles().Store.Path())))
	h, err = home.OpenWith(t.Context(), dir, network, pebbles())
	require.NoError(t, err)
	require.Equal(t, uint64(4), h.MutedThrough())
	require.NoError(t, h.Close())
}

func TestInvalidKindIsRefused(t *testing.T) {
	for _, kind := range []home.Kind{{Name: "sqlite"}, {Name: "../x", Open: pebbles().Store.Open}, {Open: pebbles().Store.Open}} {
		_, err := home.OpenWith(t.Context(), t.TempDir(), network, home.Options{Store: kind})
		require.ErrorContains(t, err, "kind of store")
	}
}

// The store itself refuses a second daemon, even if the homes differ because a store was linked or
// mounted twice.
func TestTwoHomesOnOneStoreAreRefused(t *testing.T) {
	for name, options := range map[string]home.Options{"pebble": pebbles(), "sqlite": {Store: home.SQLite()}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store")
			linked := options
			linked.Store.Open = func(_ string, logger *slog.Logger) (store.Store, error) { return options.Store.Open(path, logger) }
			h, err := home.OpenWith(t.Context(), t.TempDir(), network, linked)
			require.NoError(t, err)
			_, err = home.OpenWith(t.Context(), t.TempDir(), network, linked)
			require.ErrorIs(t, err, store.ErrLocked)
			require.NoError(t, h.Close())
		})
	}
}
