package pebble

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

// disk is the file system of a database. Pebble cannot survive a failed write to its log or to its
// list of files: it ends the process, some of it with locks held. So a write waits here while its
// error passes (package diskfault). If it fails for good, the disk calls fail and lets no error
// return to Pebble: the goroutine of the write ends with the process.
//
// A table that cannot be written is different: Pebble discards it, which frees space, and writes it
// again.
type disk struct {
	vfs.FS
	log     *slog.Logger
	longest time.Duration   // bounds how long a write waits
	open    context.Context // done when the database begins to close
	opened  atomic.Bool     // while the database is opened, Pebble cleans up after errors
	waiting atomic.Int32    // operations that failed at least once and are not finished
	fail    func(error)
}

// Unwrap returns the file system below; see vfs.Root.
func (d *disk) Unwrap() vfs.FS { return d.FS }

// write repeats an operation that writes. table says that it writes a table.
func (d *disk) write(name string, table bool, operation func() error) error {
	err := operation()
	if diskfault.Passes(err) {
		d.waiting.Add(1)
		defer d.waiting.Add(-1)
		most := d.longest
		if table {
			most /= 3
		}
		report := func(err error, waited time.Duration) {
			if err == nil {
				d.log.Info("store takes writes again", "waited", waited)
				return
			}
			d.log.Warn("store waits to write", "file", name, "advice", diskfault.Advice(err), "err", err)
		}
		err = wait.Patience{Most: most, Passes: diskfault.Passes, Report: report}.Try(d.open, operation)
	}
	if err == nil || !d.opened.Load() || d.open.Err() != nil || table && diskfault.Passes(err) {
		return err
	}
	d.fail(err)
	select {} // see the comment of disk
}

// synced checks the error of a sync, which is never repeated: a second one can succeed although the
// first one lost what was written.
func (d *disk) synced(name string, table bool, err error) error {
	if err == nil || !d.opened.Load() || d.open.Err() != nil || table && diskfault.Passes(err) {
		return err
	}
	d.fail(fmt.Errorf("sync %s: %w: %w", name, diskfault.ErrUnsynced, err))
	select {}
}

func isTable(name string) bool {
	return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob")
}

// file adds the waits of a disk to the writes of a file.
type file struct {
	vfs.File
	disk *disk
	name string
}

func (d *disk) openFile(name string, open func() (vfs.File, error)) (opened vfs.File, err error) {
	err = d.write(name, isTable(name), func() error {
		opened, err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &file{File: opened, disk: d, name: name}, nil
}

func (d *disk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return d.openFile(name, func() (vfs.File, error) { return d.FS.Create(name, category) })
}

func (d *disk) OpenReadWrite(name string, category vfs.DiskWriteCategory, options ...vfs.OpenOption) (vfs.File, error) {
	return d.openFile(name, func() (vfs.File, error) { return d.FS.OpenReadWrite(name, category, options...) })
}

func (d *disk) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return d.openFile(name, func() (vfs.File, error) { return d.FS.ReuseForWrite(old, name, category) })
}

func (d *disk) OpenDir(name string) (vfs.File, error) {
	return d.openFile(name, func() (vfs.File, error) { return d.FS.OpenDir(name) })
}

func (d *disk) Link(old, name string) error {
	return d.write(name, isTable(name), func() error { return d.FS.Link(old, name) })
}

func (d *disk) Rename(old, name string) error {
	return d.write(name, isTable(name), func() error { return d.FS.Rename(old, name) })
}

func (f *file) write(operation func() error) error {
	return f.disk.write(f.name, isTable(f.name), operation)
}

func (f *file) Write(data []byte) (written int, err error) {
	err = f.write(func() error {
		n, err := f.File.Write(data[written:])
		written += n
		return err
	})
	return written, err
}

func (f *file) WriteAt(data []byte, at int64) (written int, err error) {
	err = f.write(func() error {
		n, err := f.File.WriteAt(data[written:], at+int64(written))
		written += n
		return err
	})
	return written, err
}

func (f *file) Preallocate(offset, length int64) error {
	return f.write(func() error { return f.File.Preallocate(offset, length) })
}

func (f *file) Sync() error { return f.disk.synced(f.name, isTable(f.name), f.File.Sync()) }

func (f *file) SyncData() error { return f.disk.synced(f.name, isTable(f.name), f.File.SyncData()) }

func (f *file) SyncTo(length int64) (full bool, err error) {
	full, err = f.File.SyncTo(length)
	return full, f.disk.synced(f.name, isTable(f.name), err)
}
