// Package database opens the SQLite files of Nym-APIs and of the contract: one writer, no loss of
// what is committed, a schema by migrations.
//
// The package is unstable: it is public only because the modules of this repository share it.
package database

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
)

// Statements wait so long in SQLite for a lock of another program, in milliseconds, before patience
// decides.
const options = "?mode=rwc&_journal_mode=WAL&_synchronous=FULL&_busy_timeout=250&_foreign_keys=on&_txlock=immediate"

// Config says which file to open, and how.
type Config struct {
	// Path is the file. Its folder must exist.
	Path string
	// Migrations contains the schema in migrations/*.sql.
	Migrations fs.FS
	// Wait bounds how long a write waits while another program locks the file or the disk has no room;
	// then it returns an error that passes (package diskfault). 0 means until its context is done.
	Wait time.Duration
	// Log gets a line when a write begins to wait, and then once a minute. It may be nil.
	Log *slog.Logger
}

// DB is an open file. It has one connection, which all users share. Its methods may be called
// concurrently.
type DB struct {
	*sqlx.DB
	patience Patience
}

// Open opens a file, creates it if it does not exist, and brings its schema up to date.
func Open(ctx context.Context, c Config) (*DB, error) {
	p := c.patience()
	db := sqlx.NewDb(sql.OpenDB(connector{Name(c.Path, options), p}), "sqlite3")
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, db, c.Migrations); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &DB{db, p}, nil
}

func (c Config) patience() Patience {
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return Patience{Path: c.Path, Most: c.Wait, Log: log, said: new(atomic.Int64)}
}

// Write runs change in one durable transaction, and again while the disk has no room for it, for as
// long as Config.Wait allows. A transaction that is not run by Write fails on a full disk.
func (db *DB) Write(ctx context.Context, change func(*sqlx.Tx) error) error {
	return db.patience.Try(ctx, func() error {
		tx, err := db.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		if err := change(tx); err != nil {
			_ = tx.Rollback() // fails if SQLite already rolled back, as it does when the disk is full
			return err
		}
		return tx.Commit()
	})
}

// Name returns the name by which SQLite opens a path, whatever characters it contains, with options
// such as ?mode=ro. SQLite takes no path of more than about 500 bytes.
func Name(path, options string) string {
	escaped := (&url.URL{Path: path}).EscapedPath()
	if strings.HasPrefix(path, "/") {
		return "file://" + escaped + options // no host, which SQLite would see in //host/path
	}
	return "file:./" + escaped + options // also :memory: is a file
}

func migrate(ctx context.Context, db *sqlx.DB, files fs.FS) error {
	// The image of a container has no folder for temporary files.
	if _, err := db.ExecContext(ctx, "PRAGMA temp_store = MEMORY"); err != nil {
		return err
	}
	migrations, err := fs.Sub(files, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db.DB, migrations)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}
