//go:build rocksdb

package rocksdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"

	"github.com/linxGnu/grocksdb"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/lsm"
)

// Bounds of the memory that a store uses and of RocksDB's own log files. Sizes are in bytes.
const (
	cacheBytes  = 16 << 20
	bufferBytes = 8 << 20 // each; there are two while one is flushed
	logBytes    = 1 << 20
	logFiles    = 2
)

// openTables returns how many tables a store keeps open in a process that may have limit files
// open. RocksDB takes at least 20.
func openTables(limit int) int { return max(20, min(limit/16, 256)) }

// Open opens the store in the folder at path and creates it if it does not exist; the parent folder
// must exist. It returns store.ErrLocked if another process, or this one, has the store open.
// RocksDB writes its own log into the folder, so the logger is not used and may be nil.
func Open(path string, _ *slog.Logger) (*lsm.Store, error) {
	lock, err := lockfile.Take(path+".lock", store.ErrLocked)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	db, err := openDatabase(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), lock.Close())
	}
	s, err := lsm.New(db, lock)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return s, nil
}

// database implements lsm.Database.
type database struct {
	path    string
	db      *grocksdb.DB
	read    *grocksdb.ReadOptions
	options *grocksdb.Options
}

func openDatabase(path string) (*database, error) {
	options := grocksdb.NewDefaultOptions()
	tables := grocksdb.NewDefaultBlockBasedTableOptions()
	tables.SetBlockCache(grocksdb.NewLRUCache(cacheBytes))
	options.SetBlockBasedTableFactory(tables)
	options.SetCreateIfMissing(true)
	options.SetWriteBufferSize(bufferBytes)
	options.SetMaxLogFileSize(logBytes)
	options.SetKeepLogFileNum(logFiles)
	options.SetMaxOpenFiles(openTables(descriptors.Limit()))
	db, err := grocksdb.OpenDb(options, path)
	if err != nil {
		options.Destroy()
		return nil, explained(err)
	}
	return &database{path: path, db: db, read: grocksdb.NewDefaultReadOptions(), options: options}, nil
}

// Write applies the changes in one batch; see lsm.Database.
func (d *database) Write(changes []lsm.Change) error {
	batch := grocksdb.NewWriteBatch()
	defer batch.Destroy()
	for _, c := range changes {
		if c.Value == nil {
			batch.Delete(c.Key)
		} else {
			batch.Put(c.Key, c.Value)
		}
	}
	options := grocksdb.NewDefaultWriteOptions()
	defer options.Destroy()
	options.SetSync(true)
	return explained(d.db.Write(options, batch))
}

// Free returns the free bytes on the disk; see lsm.Database.
func (d *database) Free() (bytes uint64, known bool) {
	var s syscall.Statfs_t
	err := syscall.Statfs(d.path, &s)
	return s.Bavail * uint64(s.Bsize), err == nil
}

// explained gives an error, which is a text in RocksDB, the class of its cause (package diskfault).
// After a write that failed, RocksDB may take no more writes until it is opened again, also if the
// disk has room.
func explained(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, cause := range []struct {
		text string
		err  error
	}{
		{"Corruption", diskfault.ErrDamaged},
		{"fsync", diskfault.ErrUnsynced},
		{"fdatasync", diskfault.ErrUnsynced},
		{syscall.ENOSPC.Error(), syscall.ENOSPC},
		{syscall.EDQUOT.Error(), syscall.EDQUOT},
		{syscall.EMFILE.Error(), syscall.EMFILE},
		{syscall.EFBIG.Error(), syscall.EFBIG},
		{syscall.EROFS.Error(), syscall.EROFS},
		{syscall.EACCES.Error(), syscall.EACCES},
		{"IO error", syscall.EIO},
	} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(cause.text)) {
			return fmt.Errorf("%w (%w)", err, cause.err)
		}
	}
	return err
}

// Compact rewrites the files that contain the range; see lsm.Database. RocksDB takes no context, so
// a compaction that began cannot be cancelled.
func (d *database) Compact(ctx context.Context, from, to []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.db.CompactRange(grocksdb.Range{Start: from, Limit: to})
	return nil
}

// Close closes the database.
func (d *database) Close() error {
	d.read.Destroy()
	d.db.Close()
	d.options.Destroy()
	return nil
}

// Get returns a copy of the value; see lsm.Reader.
func (d *database) Get(key []byte) ([]byte, error) {
	value, err := d.db.GetBytes(d.read, key)
	return value, corruption(err)
}

// corruption makes an error about a block of a file whose checksum is wrong a store.ErrCorrupt.
// RocksDB's errors are texts that begin with their kind.
func corruption(err error) error {
	if err != nil && strings.HasPrefix(err.Error(), "Corruption") {
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	return err
}

// Scan visits a range; see lsm.Reader.
func (d *database) Scan(from, to []byte, visit func(key, value []byte) (bool, error)) error {
	return scan(d.db.NewIterator(d.read), from, to, visit)
}

// Snapshot returns a snapshot; see lsm.Database.
func (d *database) Snapshot() lsm.Snapshot {
	s := &snapshot{db: d.db, handle: d.db.NewSnapshot(), read: grocksdb.NewDefaultReadOptions()}
	s.read.SetSnapshot(s.handle)
	return s
}

type snapshot struct {
	db     *grocksdb.DB
	handle *grocksdb.Snapshot
	read   *grocksdb.ReadOptions
}

// Get returns a copy of the value; see lsm.Reader.
func (s *snapshot) Get(key []byte) ([]byte, error) {
	value, err := s.db.GetBytes(s.read, key)
	return value, corruption(err)
}

// Scan visits a range; see lsm.Reader.
func (s *snapshot) Scan(from, to []byte, visit func(key, value []byte) (bool, error)) error {
	return scan(s.db.NewIterator(s.read), from, to, visit)
}

// Close releases the snapshot.
func (s *snapshot) Close() error {
	s.read.Destroy()
	s.db.ReleaseSnapshot(s.handle)
	return nil
}

// scan checks the end of the range itself, because RocksDB's upper bound would keep a pointer into
// Go memory.
func scan(iterator *grocksdb.Iterator, from, to []byte, visit func(key, value []byte) (bool, error)) error {
	defer iterator.Close()
	for iterator.Seek(from); iterator.Valid(); iterator.Next() {
		key, value := iterator.Key(), iterator.Value() // owned by the iterator
		if bytes.Compare(key.Data(), to) >= 0 {
			break
		}
		if more, err := visit(key.Data(), value.Data()); err != nil || !more {
			return err
		}
	}
	return iterator.Err()
}
