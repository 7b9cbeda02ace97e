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
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
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
	path  string
	db    *pebble.DB
	cache *pebble.Cache
	disk  *disk
	close context.CancelFunc // ends the waits of disk
	// failed is closed when the database cannot write any more. why is set before.
	failed chan struct{}
	why    atomic.Pointer[fatal]
}

// longestWait bounds how long Pebble's own writes wait for room. Commits are refused before, so
// they find none only if something else fills the disk at that moment.
const longestWait = 30 * time.Second

func openDatabase(path string, fs vfs.FS, logger *slog.Logger) (*database, error) {
	return openWithin(path, fs, logger, longestWait, descriptors.Limit())
}

// openWithin opens a database whose own writes wait that long for room, in a process that may have
// limit files open.
func openWithin(path string, fs vfs.FS, logger *slog.Logger, longest time.Duration, limit int) (*database, error) {
	d := &database{path: path, cache: pebble.NewCache(cacheBytes), failed: make(chan struct{})}
	open, closing := context.WithCancel(context.Background())
	d.close = closing
	d.disk = &disk{FS: fs, log: logger, longest: longest, open: open, fail: d.fail}
	files := newTables(limit)
	defer files.Unref() // the database keeps it
	options := &pebble.Options{
		FileCache:          files,
		FS:                 d.disk,
		Cache:              d.cache,
		MemTableSize:       memTableBytes,
		FormatMajorVersion: format,
		Logger:             log{logger, d.fail},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { logger.Error("pebble reported an error", "detail", err.Error()) },
			// Reads return an error, too. By default, Pebble ends the process.
			DataCorruption: func(i pebble.DataCorruptionInfo) { logger.Error("pebble found damage", "detail", i.String()) },
		},
	}
	err := d.run(func() (err error) {
		d.db, err = pebble.Open(path, options)
		return err
	})
	if err != nil {
		closing()
		d.cache.Unref()
		if pebble.IsCorruptionError(err) {
			return nil, fmt.Errorf("%w: %w", diskfault.ErrDamaged, err)
		}
		return nil, err
	}
	d.disk.opened.Store(true)
	return d, nil
}

// fatal is an error after which Pebble cannot write any more.
type fatal struct{ err error }

func (f *fatal) Error() string {
	return "the database cannot write any more (check the disk, then start the node again): " + f.err.Error()
}

func (f *fatal) Unwrap() error { return f.err }

// fail makes all current and later writes return err.
func (d *database) fail(err error) {
	if d.why.CompareAndSwap(nil, &fatal{err}) {
		d.disk.log.Error("the store cannot write any more", "err", err)
		close(d.failed)
	}
}

// run returns the error of an action of Pebble, or that of the database if it fails meanwhile. Then
// the action never returns, and keeps its locks.
func (d *database) run(action func() error) error {
	done := make(chan error, 1)
	go func() { done <- action() }()
	stuck := time.NewTicker(d.disk.longest)
	defer stuck.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-d.failed:
			return d.why.Load()
		case <-stuck.C:
			if d.disk.waiting.Load() > 0 {
				d.fail(fmt.Errorf("writing found no room for %s: %w", d.disk.longest, syscall.ENOSPC))
			}
		}
	}
}

// log implements pebble.Logger. Fatalf must not return. Instead of ending the process, it makes the
// database fail.
type log struct {
	logger *slog.Logger
	fail   func(error)
}

func (l log) Infof(format string, args ...any) {
	l.logger.Debug("pebble reported", "detail", fmt.Sprintf(format, args...))
}

func (l log) Errorf(format string, args ...any) {
	l.logger.Error("pebble reported an error", "detail", fmt.Sprintf(format, args...))
}

func (l log) Fatalf(format string, args ...any) {
	failure := &reported{text: fmt.Sprintf(format, args...)}
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			failure.cause = err
		}
	}
	l.fail(failure)
	select {}
}

// reported is a failure that Pebble reported, with the error in its text.
type reported struct {
	text  string
	cause error // may be nil
}

func (r *reported) Error() string { return r.text }
func (r *reported) Unwrap() error { return r.cause }

// Write applies the changes in one batch; see lsm.Database.
func (d *database) Write(changes []lsm.Change) error {
	if why := d.why.Load(); why != nil {
		return why
	}
	batch := d.db.NewBatch()
	for _, c := range changes {
		var err error
		if c.Value == nil {
			err = batch.Delete(c.Key, nil)
		} else {
			err = batch.Set(c.Key, c.Value, nil)
		}
		if err != nil {
			return errors.Join(err, batch.Close())
		}
	}
	return d.run(func() error { return errors.Join(batch.Commit(pebble.Sync), batch.Close()) })
}

// Free returns the free bytes on the disk; see lsm.Database.
func (d *database) Free() (bytes uint64, known bool) {
	usage, err := d.disk.GetDiskUsage(d.path)
	return usage.AvailBytes, err == nil
}

// Compact rewrites the files that contain the range; see lsm.Database.
func (d *database) Compact(ctx context.Context, from, to []byte) error {
	if why := d.why.Load(); why != nil {
		return why
	}
	return d.run(func() error { return d.db.Compact(ctx, from, to, false) })
}

// Close closes the database. After a fatal error it does nothing: Pebble's Close would block
// forever. On a full disk the end of the log is missing, as after a crash; nothing that was
// committed is.
func (d *database) Close() error {
	if d.why.Load() != nil {
		return nil
	}
	d.close()
	return d.run(func() error {
		err := d.db.Close()
		d.cache.Unref()
		if diskfault.Passes(err) {
			return nil
		}
		return err
	})
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
