package pebble

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/lsm"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/storetest"
)

// faulty is a file system whose operations fail as long as faulty says so, and which says how much
// space is free.
type faulty struct {
	vfs.FS
	free atomic.Int64
	why  atomic.Pointer[fault]
}

// fault is an error of some operations.
type fault struct {
	err    error
	kinds  []errorfs.OpKind
	name   string // the operations on files whose name contains it
	always bool
	left   atomic.Int64 // how often it happens, unless always
}

const plenty = 1 << 40

func newFaulty() *faulty {
	f := &faulty{}
	f.free.Store(plenty)
	f.FS = errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		why := f.why.Load()
		if why == nil || !strings.Contains(filepath.Base(op.Path), why.name) {
			return nil
		}
		for _, kind := range why.kinds {
			if op.Kind == kind && (why.always || why.left.Add(-1) >= 0) {
				return why.err
			}
		}
		return nil
	}))
	return f
}

// fails makes operations fail, times times or, if times is negative, always.
func (f *faulty) fails(err error, times int64, name string, kinds ...errorfs.OpKind) {
	why := &fault{err: err, kinds: kinds, name: name, always: times < 0}
	why.left.Store(times)
	f.why.Store(why)
}

func (f *faulty) works() { f.why.Store(nil) }

func (f *faulty) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: uint64(f.free.Load())}, nil
}

var writes = []errorfs.OpKind{errorfs.OpCreate, errorfs.OpReuseForWrite, errorfs.OpFileWrite, errorfs.OpFilePreallocate, errorfs.OpLink, errorfs.OpRename}

func (f *faulty) open(longest time.Duration) (*database, store.Store, error) {
	db, err := openWithin("store", f, slog.New(slog.DiscardHandler), longest, 1024)
	if err != nil {
		return nil, nil, err
	}
	s, err := lsm.New(db, nil)
	return db, s, err
}

// flush writes a table and the list of files.
func flush(d *database) error { return d.run(d.db.Flush) }

// damage overwrites the middle of the files whose name contains a text.
func damage(t *testing.T, fs vfs.FS, text string) {
	names, err := fs.List("store")
	require.NoError(t, err)
	found := false
	for _, name := range names {
		if !strings.Contains(name, text) {
			continue
		}
		found = true
		path := fs.PathJoin("store", name)
		file, err := fs.Open(path)
		require.NoError(t, err)
		data, err := io.ReadAll(file)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		copy(data[len(data)/4:], bytes.Repeat([]byte("damage"), len(data)/12))
		file, err = fs.Create(path, vfs.WriteCategoryUnspecified)
		require.NoError(t, err)
		_, err = file.Write(data)
		require.NoError(t, errors.Join(err, file.Close()))
	}
	require.True(t, found)
}

func TestFullDiskRefusesCommits(t *testing.T) {
	storetest.RunRefused(t, func(*testing.T) storetest.Refusing {
		f := newFaulty()
		return storetest.Refusing{
			Open: func() (store.Store, error) {
				_, s, err := f.open(longestWait)
				return s, err
			},
			Refuse: func(*testing.T) {
				f.free.Store(0)
				f.fails(syscall.ENOSPC, -1, "", writes...)
			},
			Accept: func(*testing.T) {
				f.free.Store(plenty)
				f.works()
			},
			Want: store.ErrFull,
		}
	})
}

// What passes while Pebble writes its log, its list of files or a table fails no commit.
func TestWritesInProgressWaitForTheDisk(t *testing.T) {
	for _, err := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE} {
		for _, name := range []string{".log", "MANIFEST", ".sst"} {
			t.Run(err.Error()+name, func(t *testing.T) {
				f := newFaulty()
				db, s, opened := f.open(longestWait)
				require.NoError(t, opened)
				f.fails(err, 2, name, writes...)
				fill(t, s, 10)
				require.NoError(t, flush(db))
				fill(t, s, 20)
				require.NoError(t, s.Close())
				f.works()
				_, s, opened = f.open(longestWait)
				require.NoError(t, opened)
				found, listed := s.List(t.Context(), 0, [32]byte{}, 100, 1<<20)
				require.NoError(t, listed)
				require.Len(t, found, 20)
				require.NoError(t, s.Close())
			})
		}
	}
}

// What does not pass makes commits fail with an error that says what to do, also where Pebble would
// end the process.
func TestStoreFailsForGoodWithTheDisk(t *testing.T) {
	lasting := time.Second / 4
	for _, test := range []struct {
		name  string
		err   error
		file  string
		kinds []errorfs.OpKind
		class diskfault.Class
	}{
		{"EIO", syscall.EIO, "", writes, diskfault.Broken},
		{"EROFS", syscall.EROFS, "", writes, diskfault.ReadOnly},
		{"EFBIG", syscall.EFBIG, "", writes, diskfault.TooLarge},
		{"EIO in a table", syscall.EIO, ".sst", writes, diskfault.Broken},
		{"EIO in the list of files", syscall.EIO, "MANIFEST", writes, diskfault.Broken},
		{"a new log cannot be created", syscall.EACCES, ".log", []errorfs.OpKind{errorfs.OpCreate, errorfs.OpReuseForWrite}, diskfault.Denied},
		{"ENOSPC that lasts", syscall.ENOSPC, ".log", writes, diskfault.Full},
		{"ENOSPC at fsync", syscall.ENOSPC, ".log", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}, diskfault.Unsynced},
		{"EIO at fsync", syscall.EIO, "", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}, diskfault.Unsynced},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFaulty()
			db, s, err := f.open(lasting)
			require.NoError(t, err)
			fill(t, s, 1)
			f.fails(test.err, -1, test.file, test.kinds...)
			require.Eventually(t, func() bool {
				_ = flush(db)
				err = s.SetIdentity(t.Context(), store.Identity{Network: "n", Starts: 1})
				return err != nil
			}, 10*time.Second, time.Millisecond)
			require.Equal(t, test.class, diskfault.Of(err), "%v", err)
			require.NotEmpty(t, diskfault.Advice(err))
			require.NotErrorIs(t, err, store.ErrFull)
			f.works()
			require.ErrorContains(t, s.SetIdentity(t.Context(), store.Identity{Network: "n", Starts: 1}), "start the node again")
			require.NoError(t, s.Close())
		})
	}
}

// Damage of the list of files keeps a store closed. Damage of a table is found when it is read.
func TestDamagedFilesAreReported(t *testing.T) {
	for name, want := range map[string]error{"MANIFEST-": diskfault.ErrDamaged, ".sst": store.ErrCorrupt} {
		t.Run(name, func(t *testing.T) {
			f := newFaulty()
			db, s, err := f.open(longestWait)
			require.NoError(t, err)
			fill(t, s, 1)
			require.NoError(t, flush(db))
			require.NoError(t, s.Close())
			damage(t, f, name)
			if _, s, err = f.open(longestWait); err == nil {
				_, err = s.List(t.Context(), 0, [32]byte{}, 100, 1<<20)
				require.NoError(t, s.Close())
			}
			require.ErrorIs(t, err, want)
		})
	}
}
