package diskfault_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
)

func ofFile(number syscall.Errno) error {
	return fmt.Errorf("write: %w", &fs.PathError{Op: "write", Path: "p", Err: number})
}

func ofSQLite(code sqlite3.ErrNo, extended sqlite3.ErrNoExtended, number syscall.Errno) error {
	return fmt.Errorf("commit: %w", sqlite3.Error{Code: code, ExtendedCode: extended, SystemErrno: number})
}

func TestEveryFaultHasItsClass(t *testing.T) {
	for _, test := range []struct {
		err    error
		class  diskfault.Class
		passes bool
	}{
		{ofSQLite(sqlite3.ErrBusy, sqlite3.ErrBusyRecovery, 0), diskfault.Locked, true},
		{ofSQLite(sqlite3.ErrLocked, 0, 0), diskfault.Locked, true},
		{ofSQLite(sqlite3.ErrFull, 0, 0), diskfault.Full, true},
		{ofSQLite(sqlite3.ErrIoErr, sqlite3.ErrIoErrWrite, syscall.EDQUOT), diskfault.Full, true},
		{ofSQLite(sqlite3.ErrIoErr, sqlite3.ErrIoErrSHMSize, syscall.ENOSPC), diskfault.Full, true},
		// After a failed fsync, a second one says nothing about what the first one lost.
		{ofSQLite(sqlite3.ErrIoErr, sqlite3.ErrIoErrFsync, syscall.ENOSPC), diskfault.Unsynced, false},
		{ofSQLite(sqlite3.ErrIoErr, sqlite3.ErrIoErrDirFsync, syscall.EIO), diskfault.Unsynced, false},
		{ofSQLite(sqlite3.ErrIoErr, sqlite3.ErrIoErrWrite, syscall.EFBIG), diskfault.TooLarge, false},
		{ofSQLite(sqlite3.ErrIoErr, sqlite3.ErrIoErrRead, syscall.EIO), diskfault.Broken, false},
		{ofSQLite(sqlite3.ErrIoErr, sqlite3.ErrIoErrShortRead, 0), diskfault.Broken, false},
		{ofSQLite(sqlite3.ErrCantOpen, 0, syscall.EMFILE), diskfault.Descriptors, true},
		{ofSQLite(sqlite3.ErrCantOpen, 0, syscall.EACCES), diskfault.Denied, false},
		{ofSQLite(sqlite3.ErrCantOpen, 0, syscall.ENOENT), diskfault.NotOpened, false},
		{ofSQLite(sqlite3.ErrReadonly, sqlite3.ErrReadonlyDbMoved, 0), diskfault.ReadOnly, false},
		{ofSQLite(sqlite3.ErrCorrupt, 0, 0), diskfault.Damaged, false},
		{ofSQLite(sqlite3.ErrNotADB, 0, 0), diskfault.Damaged, false},
		{ofSQLite(sqlite3.ErrConstraint, 0, 0), diskfault.None, false},
		{ofFile(syscall.ENOSPC), diskfault.Full, true},
		{ofFile(syscall.EDQUOT), diskfault.Full, true},
		{ofFile(syscall.ENFILE), diskfault.Descriptors, true},
		{ofFile(syscall.EROFS), diskfault.ReadOnly, false},
		{ofFile(syscall.EIO), diskfault.Broken, false},
		{ofFile(syscall.ENOENT), diskfault.None, false},
		{fmt.Errorf("%w: %w", diskfault.ErrUnsynced, ofFile(syscall.ENOSPC)), diskfault.Unsynced, false},
		{fmt.Errorf("%w: %w", diskfault.ErrDamaged, errors.New("bad magic number")), diskfault.Damaged, false},
		{&net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EACCES)}, diskfault.None, false},
		{&net.OpError{Op: "listen", Err: os.NewSyscallError("socket", syscall.EMFILE)}, diskfault.Descriptors, true},
		{context.Canceled, diskfault.None, false},
		{nil, diskfault.None, false},
	} {
		require.Equal(t, test.class, diskfault.Of(test.err), "%v", test.err)
		require.Equal(t, test.passes, diskfault.Passes(test.err), "%v", test.err)
		advice := diskfault.Advice(test.err)
		require.Equal(t, test.class == diskfault.None, advice == "", "%v", test.err)
		require.True(t, advice == "" || strings.HasSuffix(advice, "."), "%v", test.err)
	}
}

// What another code of SQLite leaves behind is unknown, so nothing is repeated after it.
func TestOnlyLocksAndFullDisksOfSQLitePass(t *testing.T) {
	for code := range sqlite3.ErrNo(40) {
		passes := code == sqlite3.ErrBusy || code == sqlite3.ErrLocked || code == sqlite3.ErrProtocol || code == sqlite3.ErrFull
		require.Equal(t, passes, diskfault.Passes(sqlite3.Error{Code: code}), "%v", code)
	}
}
