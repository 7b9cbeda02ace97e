// Package database opens the SQLite files of Nym-APIs and of the contract: one writer, no loss of
// what is committed, a schema by migrations.
//
// The package is unstable: it is public only because the modules of this repository share it.
package database

import (
	"context"
	"errors"
	"io/fs"
	"net/url"

	"github.com/jmoiron/sqlx"
	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
	"github.com/pressly/goose/v3"
)

const options = "?mode=rwc&_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_foreign_keys=on&_txlock=immediate"

// Open opens the file at path, whose folder must exist, creates it if it does not exist, and brings
// its schema up to date with migrations/*.sql of files. It has one connection, which all users
// share.
func Open(ctx context.Context, path string, files fs.FS) (*sqlx.DB, error) {
	db, err := sqlx.Open("sqlite3", Name(path, options))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, db, files); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Name returns the name by which the driver opens a path, with options such as ?mode=ro.
func Name(path, options string) string {
	name := url.URL{Path: path}
	return "file:" + name.EscapedPath() + options
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
