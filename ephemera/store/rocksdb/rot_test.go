//go:build rocksdb

package rocksdb

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/lsm"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/storetest"
)

// rotting implements storetest.Rotting: the path of the folder.
type rotting string

func (r rotting) Open() (store.Store, error) { return Open(string(r), nil) }

// Rot changes values through the database, which would notice a change of its files.
func (r rotting) Rot(t *testing.T, old, replacement []byte) {
	db, err := openDatabase(string(r))
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

func TestRot(t *testing.T) {
	storetest.RunRot(t, func(t *testing.T) storetest.Rotting { return rotting(filepath.Join(t.TempDir(), "store")) })
}
