package database

import (
	"errors"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// Busy reports whether an error of SQLite says that another program or connection holds a lock on
// the file. The statement changed nothing, and can be run again. If it was part of a transaction,
// roll that back first.
func Busy(err error) bool {
	code, ok := codeOf(err)
	return ok && (code == sqlite3.ErrBusy || code == sqlite3.ErrLocked || code == sqlite3.ErrProtocol)
}

// Full reports whether an error says that there is no room for a write: one of SQLite, or one of
// the system about a file that a transaction writes. The statement changed nothing, and can be run
// again. SQLite may have rolled back its transaction.
func Full(err error) bool {
	code, ok := codeOf(err)
	return ok && code == sqlite3.ErrFull || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// codeOf returns SQLite's code of an error. After any other code than those above, such as an
// input/output error, what the file contains is unknown.
func codeOf(err error) (sqlite3.ErrNo, bool) {
	var failed sqlite3.Error
	if !errors.As(err, &failed) {
		return 0, false
	}
	return failed.Code, true
}
