package database

import (
	"context"
	"database/sql/driver"
	"log/slog"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
)

const (
	firstPause = 50 * time.Millisecond // before a write that failed is tried again
	lastPause  = 2 * time.Second
	logEvery   = time.Minute
)

// Patience is how writes wait while another program locks the file, or the disk has no room.
type Patience struct {
	Path string
	Most time.Duration // 0: until the context is done
	Log  *slog.Logger
}

// Try runs f until it neither finds the file locked nor the disk full, for as long as p allows. It
// returns f's last error. It logs at once that it waits, and then once a minute.
func (p Patience) Try(ctx context.Context, f func() error) error {
	began := time.Now()
	var logged time.Time
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := f()
		if !Busy(err) && !Full(err) {
			if err == nil && !logged.IsZero() {
				p.Log.Info("database takes writes again", "file", p.Path, "waited", time.Since(began).Round(time.Millisecond))
			}
			return err
		}
		if time.Since(logged) >= logEvery {
			p.warn(err)
			logged = time.Now()
		}
		if p.Most > 0 && time.Since(began)+pause > p.Most {
			return err
		}
		if !rest(ctx, pause) {
			return err
		}
	}
}

func (p Patience) warn(err error) {
	if Full(err) {
		p.Log.Warn("writing waits for room on the disk: free some", "file", p.Path, "err", err)
		return
	}
	p.Log.Warn("writing waits for another program that has locked the database: end it", "file", p.Path,
		"processes", lockfile.Holders(p.Path, p.Path+"-shm"), "err", err)
}

// rest waits, and reports whether the context is not done yet.
func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
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
