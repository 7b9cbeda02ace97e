//go:build rocksdb

package rocksdb

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/storetest"
)

func opener(path string) storetest.Opener {
	return func() (store.Store, error) {
		s, err := Open(path, nil)
		if err != nil {
			return nil, err // not a nil pointer in an interface
		}
		return s, nil
	}
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener { return opener(filepath.Join(t.TempDir(), "a name with %20 & ?")) })
}

// crashing implements storetest.Disk: it is the path of the folder that contains the store.
type crashing string

func (c crashing) Open() (store.Store, error) { return opener(filepath.Join(string(c), "store"))() }

// Crash copies the folder, as a kill would leave it. The caller must not use the store meanwhile.
// RocksDB's own threads may still merge files and delete those they merged, so a copy counts only
// if the folder's files were the same before and after it.
func (c crashing) Crash(t *testing.T, _ *rand.Rand) storetest.Disk {
	for range 100 {
		dir, before := t.TempDir(), c.files(t)
		err := os.CopyFS(dir, os.DirFS(string(c)))
		if errors.Is(err, fs.ErrNotExist) || err == nil && !slices.Equal(before, c.files(t)) {
			continue
		}
		require.NoError(t, err)
		return crashing(dir)
	}
	t.Fatal("the folder changed during each of 100 copies")
	return nil
}

// files lists the folder's files with their sizes, except LOG, which RocksDB does not read.
func (c crashing) files(t *testing.T) []string {
	var all []string
	require.NoError(t, filepath.WalkDir(string(c), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "LOG" {
			return ignoreDeleted(err)
		}
		info, err := entry.Info()
		if err == nil {
			all = append(all, fmt.Sprint(path, " ", info.Size()))
		}
		return ignoreDeleted(err)
	}))
	return all
}

// ignoreDeleted returns nil for the error of a file that was deleted after it was listed.
func ignoreDeleted(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func TestCrashes(t *testing.T) {
	storetest.RunCrash(t, func(t *testing.T) storetest.Disk { return crashing(t.TempDir()) }, false)
}
