// Package diskfault says what an error of a file, a disk or a SQLite database means: whether a
// write may be repeated, and what the operator must do. Its table is the only place that decides
// this, for all programs and stores.
//
// The package is unstable: it is public only because the modules of this repository share it.
package diskfault

import (
	"errors"
	"net"
	"slices"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// Class is a class of errors of which the operator must know the same.
type Class int

// The classes. None is the class of nil and of errors that no disk causes.
const (
	None        Class = iota
	Locked            // another program has locked the file
	Unsynced          // what was written may not be on the disk, although it was written
	Full              // no room, or the user's share is used up
	Descriptors       // too many open files
	TooLarge          // the process may not make the file larger
	ReadOnly          // the file system or the file takes no writes
	Denied            // the user may not use the file
	Damaged           // the content of the file is not what was written
	NotOpened         // SQLite cannot open the file for another reason than those above
	Broken            // the disk does not work
)

// Errors of stores other than SQLite. They wrap what the store reported.
var (
	// ErrUnsynced reports that what was written may not be on the disk.
	ErrUnsynced = errors.New("the disk may have lost what was written")
	// ErrDamaged reports a file whose content is not what was written.
	ErrDamaged = errors.New("the file is damaged")
)

// table is in the order in which Of looks for an error. SQLite reports some faults of the system
// with a general code and the system's number.
var table = []struct {
	class    Class
	codes    []sqlite3.ErrNo
	extended []sqlite3.ErrNoExtended
	numbers  []syscall.Errno
	wraps    error
	passes   bool
	advice   string
}{
	{
		class: Locked, codes: []sqlite3.ErrNo{sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrProtocol}, passes: true,
		advice: "Another program has locked the database: end it, then try again.",
	},
	{
		class: Unsynced, extended: []sqlite3.ErrNoExtended{sqlite3.ErrIoErrFsync, sqlite3.ErrIoErrDirFsync}, wraps: ErrUnsynced,
		advice: "The disk did not confirm a write: check it and its free space (dmesg, df), then start again.",
	},
	{
		class: Full, codes: []sqlite3.ErrNo{sqlite3.ErrFull}, numbers: []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT}, passes: true,
		advice: "Free some space on the disk or raise the user's quota, then start again.",
	},
	{
		class: Descriptors, numbers: []syscall.Errno{syscall.EMFILE, syscall.ENFILE}, passes: true,
		advice: "Raise the limit of open files (ulimit -n), then start again.",
	},
	{
		class: TooLarge, numbers: []syscall.Errno{syscall.EFBIG},
		advice: "The file may not become larger: raise the limit of the file size (ulimit -f) or use another file system, then start again.",
	},
	{
		class: ReadOnly, codes: []sqlite3.ErrNo{sqlite3.ErrReadonly}, numbers: []syscall.Errno{syscall.EROFS},
		advice: "The file cannot be written: mount its file system for writing and give this user write access, then start again.",
	},
	{
		class: Denied, codes: []sqlite3.ErrNo{sqlite3.ErrPerm}, numbers: []syscall.Errno{syscall.EACCES, syscall.EPERM},
		advice: "Give this user access to the file and its folder, or run as the user that owns them.",
	},
	{
		class: Damaged, codes: []sqlite3.ErrNo{sqlite3.ErrCorrupt, sqlite3.ErrNotADB}, wraps: ErrDamaged,
		advice: "The file is damaged: keep a copy of it, and check the disk (dmesg).",
	},
	{
		class: NotOpened, codes: []sqlite3.ErrNo{sqlite3.ErrCantOpen},
		advice: "The database cannot be opened: its folder must exist, and its path must be that of a file and have at most 500 bytes.",
	},
	{
		class: Broken, codes: []sqlite3.ErrNo{sqlite3.ErrIoErr},
		numbers: []syscall.Errno{syscall.EIO, syscall.ENXIO, syscall.ENODEV, syscall.ESTALE},
		advice:  "The disk does not work: check it (dmesg), then start again.",
	},
}

// Of returns the class of an error. Errors of the network have none, except Descriptors.
func Of(err error) Class {
	class := of(err)
	var network *net.OpError
	if class != None && class != Descriptors && errors.As(err, &network) {
		return None
	}
	return class
}

func of(err error) Class {
	if err == nil {
		return None
	}
	var failed sqlite3.Error
	sqlite := errors.As(err, &failed)
	number := failed.SystemErrno
	if !sqlite {
		errors.As(err, &number)
	}
	for _, row := range table {
		if sqlite && (slices.Contains(row.codes, failed.Code) || slices.Contains(row.extended, failed.ExtendedCode)) ||
			slices.Contains(row.numbers, number) || row.wraps != nil && errors.Is(err, row.wraps) {
			return row.class
		}
	}
	return None
}

// Passes reports whether a write that failed with this error changed nothing and may succeed later,
// while the program runs.
func Passes(err error) bool {
	i := Of(err).row()
	return i >= 0 && table[i].passes
}

// Advice returns what to do after an error that ended a program, in sentences, or "" if no disk
// caused it.
func Advice(err error) string {
	if i := Of(err).row(); i >= 0 {
		return table[i].advice
	}
	return ""
}

func (c Class) row() int {
	for i, row := range table {
		if row.class == c {
			return i
		}
	}
	return -1
}
