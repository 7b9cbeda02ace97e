// Package pebble implements store.Store in a Pebble database: a log-structured merge tree in pure
// Go, stored in a folder. Every commit ends with an fsync, so that a vote is on disk before it is
// signed. The layout of the keys is in store/internal/lsm.
//
// A lock file next to the folder keeps a second node out. Copy the folder only while no node uses
// it, and never restore a member from a copy: it would lack the votes signed since (PROTOCOL.md
// R8).
package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/lsm"
)

// format is the version of Pebble's files. Older programs cannot open a store of a newer format, so
// raising it is a breaking change.
const format = pebble.FormatTableFormatV6

// Memory that a store uses, in bytes.
const (
	cacheBytes    = 16 << 20
	memTableBytes = 8 << 20 // each; there are two while one is flushed
)

// Open opens the store in the folder at path and creates it if it does not exist; the parent folder
// must exist. It returns store.ErrLocked if another process, or this one, has the store open.
// logger may be nil.
func Open(path string, logger *slog.Logger) (*lsm.Store, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	lock, err := lockfile.Take(path+".lock", store.ErrLocked)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	db, err := openDatabase(path, vfs.Default, logger)
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
	db     *pebble.DB
	cache  *pebble.Cache
	failed atomic.Pointer[fatal]
}

func openDatabase(path string, fs vfs.FS, logger *slog.Logger) (*database, error) {
	return openWithin(path, fs, logger, descriptors.Limit())
}

// openWithin opens a database in a process that may have limit files open.
func openWithin(path string, fs vfs.FS, logger *slog.Logger, limit int) (_ *database, err error) {
	d := &database{cache: pebble.NewCache(cacheBytes)}
	files := newTables(limit)
	defer files.Unref() // the database keeps it
	options := &pebble.Options{
		FileCache:          files,
		FS:                 fs,
		Cache:              d.cache,
		MemTableSize:       memTableBytes,
		FormatMajorVersion: format,
		Logger:             log{logger},
	}
	defer func() {
		if err != nil {
			d.cache.Unref()
		}
	}()
	if d.db, err = pebble.Open(path, options); err != nil {
		return nil, err
	}
	return d, nil
}

// fatal is an error after which Pebble cannot write any more.
type fatal struct{ text string }

func (f *fatal) Error() string {
	return "the database cannot write any more (check the disk, then start the node again): " + f.text
}

// log implements pebble.Logger. Fatalf must not return. Instead of ending the process, it panics
// with a *fatal, which makes the current Write and all later ones fail.
type log struct{ logger *slog.Logger }

func (l log) Infof(format string, args ...any) {
	l.logger.Debug("pebble reported", "detail", fmt.Sprintf(format, args...))
}

func (l log) Errorf(format string, args ...any) {
	l.logger.Error("pebble reported an error", "detail", fmt.Sprintf(format, args...))
}

func (l log) Fatalf(format string, args ...any) { panic(&fatal{fmt.Sprintf(format, args...)}) }

// Write applies the changes in one batch; see lsm.Database.
func (d *database) Write(changes []lsm.Change) (err error) {
	if failed := d.failed.Load(); failed != nil {
		return failed
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *fatal:
			d.failed.Store(r)
			err = r
		default:
			panic(r)
		}
	}()
	batch := d.db.NewBatch()
	defer batch.Close()
	for _, c := range changes {
		if c.Value == nil {
			err = batch.Delete(c.Key, nil)
		} else {
			err = batch.Set(c.Key, c.Value, nil)
		}
		if err != nil {
			return err
		}
	}
	return batch.Commit(pebble.Sync)
}

// Compact rewrites the files that contain the range; see lsm.Database.
func (d *database) Compact(ctx context.Context, from, to []byte) error {
	if failed := d.failed.Load(); failed != nil {
		return failed
	}
	return d.db.Compact(ctx, from, to, false)
}

// Close closes the database. After a fatal error it does nothing: Pebble's Close would block
// forever.
func (d *database) Close() error {
	if d.failed.Load() != nil {
		return nil
	}
	err := d.db.Close()
	d.cache.Unref()
	return err
}

// Get returns a copy of the value; see lsm.Reader.
func (d *database) Get(key []byte) ([]byte, error) { return get(d.db, key) }

// Scan visits a range; see lsm.Reader.
func (d *database) Scan(from, to []byte, visit func(key, value []byte) (bool, error)) error {
	return scan(d.db, from, to, visit)
}

// Snapshot returns a snapshot; see lsm.Database.
func (d *database) Snapshot() lsm.Snapshot { return snapshot{d.db.NewSnapshot()} }

type snapshot struct{ *pebble.Snapshot }

// Get returns a copy of the value; see lsm.Reader.
func (s snapshot) Get(key []byte) ([]byte, error) { return get(s.Snapshot, key) }

// Scan visits a range; see lsm.Reader.
func (s snapshot) Scan(from, to []byte, visit func(key, value []byte) (bool, error)) error {
	return scan(s.Snapshot, from, to, visit)
}

func get(from pebble.Reader, key []byte) ([]byte, error) {
	value, closer, err := from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, corruption(err)
	}
	copied := append([]byte{}, value...)
	return copied, closer.Close()
}

// corruption makes an error about a block of a file whose checksum is wrong a store.ErrCorrupt.
func corruption(err error) error {
	if pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	return err
}

func scan(in pebble.Reader, from, to []byte, visit func(key, value []byte) (bool, error)) (err error) {
	iterator, err := in.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, iterator.Close()) }()
	for valid := iterator.First(); valid; valid = iterator.Next() {
		value, err := iterator.ValueAndErr()
		if err != nil {
			return err
		}
		if more, err := visit(iterator.Key(), value); err != nil || !more {
			return err
		}
	}
	return nil // the deferred Close returns the iterator's error
}
