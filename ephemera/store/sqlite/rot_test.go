package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/storetest"
)

// rotting implements storetest.Rotting: the path of the file.
type rotting string

func (r rotting) Open() (store.Store, error) { return Open(string(r), nil) }

func (r rotting) Rot(t *testing.T, old, replacement []byte) {
	data, err := os.ReadFile(string(r))
	require.NoError(t, err)
	data, changed := storetest.Replaced(data, old, replacement)
	require.True(t, changed)
	require.NoError(t, os.WriteFile(string(r), data, 0o600))
}

func TestRot(t *testing.T) {
	storetest.RunRot(t, func(t *testing.T) storetest.Rotting { return rotting(filepath.Join(t.TempDir(), "store.sqlite")) })
}
