//go:build rocksdb

package rocksdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/linxGnu/grocksdb"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/lsm"
)

// Bounds of what a store takes in memory, and of RocksDB's own log files, in bytes.
const (
	cacheBytes  = 16 << 20
	bufferBytes = 8 << 20 // of which there are two at times
	logBytes    = 1 << 20
	logFiles    = 2
)

// Open opens the store in the folder at path, and makes it when there is none; the folder above
// must exist. store.ErrLocked when another process, or this one, has it open. RocksDB writes a log
// of its own, in the folder; logger is not used and may be nil.
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

// database is RocksDB as package lsm wants it.
type database struct {
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
	db, err := grocksdb.OpenDb(options, path)
	if err != nil {
		options.Destroy()
		return nil, err
	}
	return &database{db: db, read: grocksdb.NewDefaultReadOptions(), options: options}, nil
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
	return d.db.Write(options, batch)
}

// Compact rewrites the files that hold the range; see lsm.Database. RocksDB knows no context: it
// ends by itself.
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
func (d *database) Get(key []byte) ([]byte, error) { return d.db.GetBytes(d.read, key) }

// Scan visits a range; see lsm.Reader.
func (d *database) Scan(from, to []byte, visit func(key, value []byte) (bool, error)) error {
	return scan(d.db.NewIterator(d.read), from, to, visit)
}

// Snapshot returns the database of this moment; see lsm.Database.
func (d *database) Snapshot() lsm.Snapshot {
	s := &snapshot{db: d.db, moment: d.db.NewSnapshot(), read: grocksdb.NewDefaultReadOptions()}
	s.read.SetSnapshot(s.moment)
	return s
}

type snapshot struct {
	db     *grocksdb.DB
	moment *grocksdb.Snapshot
	read   *grocksdb.ReadOptions
}

// Get returns a copy of the value; see lsm.Reader.
func (s *snapshot) Get(key []byte) ([]byte, error) { return s.db.GetBytes(s.read, key) }

// Scan visits a range; see lsm.Reader.
func (s *snapshot) Scan(from, to []byte, visit func(key, value []byte) (bool, error)) error {
	return scan(s.db.NewIterator(s.read), from, to, visit)
}

// Close lets the moment go.
func (s *snapshot) Close() error {
	s.read.Destroy()
	s.db.ReleaseSnapshot(s.moment)
	return nil
}

// scan looks at the end of the range itself: RocksDB would keep a pointer into to.
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
