package pebble

import (
	"bytes"
	"log/slog"
	"math"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/lsm"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/storetest"
)

// rotting implements storetest.Rotting: the path of the folder.
type rotting string

func (r rotting) Open() (store.Store, error) { return Open(string(r), nil) }

// Rot changes values through the database, which would notice a change of its files.
func (r rotting) Rot(t *testing.T, old, replacement []byte) {
	db, err := openDatabase(string(r), vfs.Default, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	var changes []lsm.Change
	require.NoError(t, db.Scan([]byte{0}, []byte{0xff}, func(key, value []byte) (bool, error) {
		if after, changed := storetest.Replaced(value, old, replacement); changed {
			changes = append(changes, lsm.Change{Key: bytes.Clone(key), Value: after})
		}
		return true, nil
	}))
	require.NotEmpty(t, changes)
	require.NoError(t, db.Write(changes))
	require.NoError(t, db.Close())
}

// A second certified block of a slot halts a node. A damaged entry is not one.
func TestDamagedEntryIsNoConflict(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s, err := Open(path, nil)
	require.NoError(t, err)
	fill(t, s, 1)
	held, err := s.List(t.Context(), 0, keys.Public{}, 1, 1)
	require.NoError(t, err)
	require.NoError(t, s.Close())

	db, err := openDatabase(path, vfs.Default, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	var changes []lsm.Change
	require.NoError(t, db.Scan([]byte{'C'}, []byte{'C' + 1}, func(key, value []byte) (bool, error) {
		changes = append(changes, lsm.Change{Key: bytes.Clone(key), Value: bytes.Clone(value[:39])})
		return true, nil
	}))
	require.Len(t, changes, 1)
	require.NoError(t, db.Write(changes))
	require.NoError(t, db.Close())

	s, err = Open(path, nil)
	require.NoError(t, err)
	defer s.Close()
	err = s.Commit(t.Context(), []store.Write{store.PutCertified(held[0].Certified)})
	require.ErrorIs(t, err, store.ErrCorrupt)
	require.NotErrorIs(t, err, store.ErrConflict)
}

// Retention does not stop at a body that cannot be decoded.
func TestPruneGoesOnPastADamagedBody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s, err := Open(path, nil)
	require.NoError(t, err)
	fill(t, s, 3)
	entries, err := s.List(t.Context(), 0, keys.Public{}, 3, math.MaxInt)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	second := entries[1].Block.ID()
	db, err := openDatabase(path, vfs.Default, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, db.Write([]lsm.Change{{Key: append([]byte{'B'}, second[:]...), Value: []byte("rotten")}}))
	require.NoError(t, db.Close())

	s, err = Open(path, nil)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Block(t.Context(), second)
	require.ErrorIs(t, err, store.ErrCorrupt)
	pruned, err := s.Prune(t.Context(), store.Retention{Age: 1})
	require.NoError(t, err)
	require.Equal(t, 2, pruned.Blocks)
	require.NoError(t, s.Commit(t.Context(), []store.Write{store.PutRepaired(entries[1].Certified)}))
	pruned, err = s.Prune(t.Context(), store.Retention{Age: 1})
	require.NoError(t, err)
	require.Equal(t, 1, pruned.Blocks)
}

func TestRot(t *testing.T) {
	storetest.RunRot(t, func(t *testing.T) storetest.Rotting { return rotting(filepath.Join(t.TempDir(), "store")) })
}
