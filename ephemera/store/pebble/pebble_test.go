package pebble

import (
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/lsm"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		path := filepath.Join(t.TempDir(), "a name with %20 & ?")
		return func() (store.Store, error) {
			s, err := Open(path, nil)
			if err != nil {
				return nil, err // not a nil pointer in an interface
			}
			return s, nil
		}
	})
}

// crashing implements storetest.Disk with an in-memory file system that tracks what was synced.
type crashing struct{ fs *vfs.MemFS }

func (c crashing) Open() (store.Store, error) {
	db, err := openDatabase("store", c.fs, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return lsm.New(db, nil)
}

// Crash keeps what was synced and a random part of the rest.
func (c crashing) Crash(_ *testing.T, random *rand.Rand) storetest.Disk {
	return crashing{c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: rand.New(random)})}
}

func TestCrashes(t *testing.T) {
	storetest.RunCrash(t, func(*testing.T) storetest.Disk { return crashing{vfs.NewCrashableMem()} }, true)
}

// fill commits a chain of blocks with one message of 3 kB each, and delivers it.
func fill(t *testing.T, s store.Store, heights int) {
	key := keys.FromSeed([32]byte{1})
	group, err := membership.NewGroup("pebble", 1, []keys.Public{key.Public()}, membership.Limits{})
	require.NoError(t, err)
	for i := range heights {
		payload := make([]byte, 3000) // random, so that it does not compress
		random := rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)})
		_, _ = random.Read(payload)
		message, err := block.NewMessage(key, "pebble", "label", payload, int64(i))
		require.NoError(t, err)
		b := block.New(group, key.Public(), uint64(i+1), block.ID{}, int64(i), []block.Message{message})
		proof := certificate.New(group, b.Header.Slot(), b.ID(), map[int]keys.Signature{0: {1}})
		require.NoError(t, s.Commit(t.Context(), []store.Write{
			store.PutCertified{Block: b, Certificate: proof}, store.PutDelivered{Slot: b.Header.Slot()},
		}))
	}
}

// size returns how many bytes a closed store takes on disk.
func size(t *testing.T, path string) (total int64) {
	require.NoError(t, filepath.Walk(path, func(_ string, info fs.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			total += info.Size()
		}
		return err
	}))
	return total
}

func TestPruningFreesDiskSpace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s, err := Open(path, nil)
	require.NoError(t, err)
	fill(t, s, 600)
	require.NoError(t, s.Close())
	before := size(t, path)
	require.Greater(t, before, int64(600*3000))
	s, err = Open(path, nil)
	require.NoError(t, err)
	pruned, err := s.Prune(t.Context(), store.Retention{Keep: 60})
	require.NoError(t, err)
	require.Equal(t, 540, pruned.Blocks)
	require.NoError(t, s.Close())
	after := size(t, path)
	require.Less(t, after, before-pruned.Bytes*9/10, "from %d to %d bytes", before, after)
}

// A failed write makes all later commits fail, so that nothing is signed, but does not end the
// process.
func TestStoreRefusesWritesAfterTheDiskFailed(t *testing.T) {
	broken := false
	disk := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errors.New("no space left on device")
		}
		return nil
	}))
	db, err := openDatabase("store", disk, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	s, err := lsm.New(db, nil)
	require.NoError(t, err)
	fill(t, s, 1)
	broken = true
	identity := store.Identity{Network: "n", Starts: 1}
	require.ErrorContains(t, s.SetIdentity(t.Context(), identity), "no space left")
	broken = false
	require.ErrorContains(t, s.SetIdentity(t.Context(), identity), "start the node again")
	require.NoError(t, s.Close())
	require.Error(t, s.Commit(t.Context(), nil))
}

func TestErrorNamesTheFolderThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("not a database"), 0o600))
	for _, path := range []string{file, filepath.Join(dir, "no folder", "store")} {
		_, err := Open(path, nil)
		require.ErrorContains(t, err, "open store "+path)
	}
}

func TestNewerLayoutIsRefused(t *testing.T) {
	disk := vfs.NewMem()
	db, err := openDatabase("store", disk, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, db.Write([]lsm.Change{{Key: []byte{'v'}, Value: []byte{9}}}))
	_, err = lsm.New(db, nil)
	require.ErrorContains(t, err, "use a newer program")
}
