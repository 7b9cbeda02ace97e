package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

// Patience is how writes wait for what passes: another program's lock on the file, a disk without
// room, too many open files.
type Patience struct {
	Path string
	Most time.Duration // 0: until the context is done
	Log  *slog.Logger

	said *atomic.Int64 // when Log got the last line of all writes, in Unix nanoseconds; may be nil
}

// Try runs f until it succeeds or fails with an error that does not pass (package diskfault), for
// as long as p allows. It returns f's last error. It logs at once that it waits, and then once a
// minute.
func (p Patience) Try(ctx context.Context, f func() error) error {
	err := wait.Patience{Most: p.Most, Passes: diskfault.Passes, Report: p.report}.Try(ctx, f)
	return NameHolders(err, p.Path)
}

// NameHolders adds the processes that lock the database at path to an error that says that it is
// locked, if the system tells. It returns any other error as it is.
func NameHolders(err error, path string) error {
	var named *heldError
	if diskfault.Of(err) != diskfault.Locked || errors.As(err, &named) {
		return err
	}
	return &heldError{err, path + lockfile.By(path, path+"-shm")}
}

// heldError is an error about a locked database that names those who hold it.
type heldError struct {
	err error
	who string
}

func (h *heldError) Error() string { return fmt.Sprintf("%v (%s)", h.err, h.who) }
func (h *heldError) Unwrap() error { return h.err }

func (p Patience) report(err error, waited time.Duration) {
	if p.said != nil && !p.due(err) {
		return
	}
	switch {
	case err == nil:
		p.Log.Info("database takes writes again", "file", p.Path, "waited", waited)
	case diskfault.Of(err) == diskfault.Full:
		p.Log.Warn("writing waits for room on the disk: free some", "file", p.Path, "err", err)
	case diskfault.Of(err) == diskfault.Descriptors:
		p.Log.Warn("writing waits for a free descriptor: raise the limit of open files", "file", p.Path, "err", err)
	default:
		p.Log.Warn("writing waits for another program that has locked the database: end it", "file", p.Path,
			"processes", lockfile.Holders(p.Path, p.Path+"-shm"), "err", err)
	}
}

// due reports whether a line is due: one a minute while writes fail, because a caller that is told
// to come back does so at once.
func (p Patience) due(err error) bool {
	if err == nil {
		p.said.Store(0)
		return true
	}
	now := time.Now().UnixNano()
	if now-p.said.Load() < int64(time.Minute) {
		return false
	}
	p.said.Store(now)
	return true
}

// connector opens connections whose writes wait with patience.
type connector struct {
	name string
	Patience
}

func (c connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	var opened driver.Conn
	err := c.Try(ctx, func() (err error) {
		opened, err = c.Driver().Open(c.name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return conn{opened.(*sqlite3.SQLiteConn), c.Patience}, nil
}

// conn is a connection on which a write waits when it begins: a transaction, or a statement outside
// one. Inside a transaction nothing waits.
type conn struct {
	*sqlite3.SQLiteConn
	Patience
}

func (c conn) BeginTx(ctx context.Context, options driver.TxOptions) (tx driver.Tx, err error) {
	err = c.Try(ctx, func() (err error) {
		tx, err = c.SQLiteConn.BeginTx(ctx, options)
		return err
	})
	return tx, err
}

func (c conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	if !c.AutoCommit() {
		return c.SQLiteConn.ExecContext(ctx, query, args)
	}
	err = c.Try(ctx, func() (err error) {
		result, err = c.SQLiteConn.ExecContext(ctx, query, args)
		return err
	})
	return result, err
}
