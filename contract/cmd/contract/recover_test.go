package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
)

// A contract whose folder has a restored copy of its database starts only after its operator has
// named the epoch up to which receipts are lost.
func TestRestoredCopyIsUsedOnPurposeOnly(t *testing.T) {
	folder := t.TempDir()
	path, backup := filepath.Join(folder, databaseName), filepath.Join(folder, "copy.db")
	fill(t, path)
	status, _, errs := call(t, "backup", "--home", folder, "--to", backup)
	require.Zero(t, status, errs)
	who := store.Owner{Network: contracttest.Network, Key: contracttest.ContractKey()}
	s, err := store.Open(context.Background(), path, who, 1, nil)
	require.NoError(t, err)
	_, err = s.MissEpoch(context.Background(), 4, description(t, 4).End+3000)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	status, out, errs := call(t, "recover", "--home", folder)
	require.Zero(t, status, errs)
	require.Contains(t, out, "nothing was changed")

	require.NoError(t, os.Rename(backup, path))
	_, err = store.Open(context.Background(), path, who, 1, nil)
	require.ErrorIs(t, err, store.ErrLost)
	for _, command := range []string{"inspect", "audit"} {
		status, _, errs = call(t, command, "--db", path)
		require.Zero(t, status, "%s needs no marker: %s", command, errs)
	}
	status, out, errs = call(t, "recover", "--home", folder)
	require.Equal(t, 1, status)
	require.Contains(t, out, "contract recover --db "+path+" --accept-loss 4")
	require.Contains(t, errs, "nothing was changed")
	status, _, errs = call(t, "recover", "--home", folder, "--accept-loss", "3")
	require.Equal(t, 1, status)
	require.Contains(t, errs, "--accept-loss 3, but the newest settled epoch is 4")
	status, _, errs = call(t, "recover", "--home", folder, "--accept-loss", "-2")
	require.Equal(t, 2, status, errs)

	status, out, errs = call(t, "recover", "--home", folder, "--accept-loss", "4")
	require.Zero(t, status, errs)
	require.Contains(t, out, "the old marker is now "+path+".marker.")
	s, err = store.Open(context.Background(), path, who, 1, nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}
