package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
)

// Backup writes a consistent copy of the database to another file, which it replaces if it exists.
// It works while a contract runs on the database.
func (r *Reader) Backup(ctx context.Context, to string) error {
	if err := r.backup(ctx, to); err != nil {
		return fmt.Errorf("back up the database to %s: %w", to, err)
	}
	return nil
}

func (r *Reader) backup(ctx context.Context, to string) (err error) {
	var source string
	if err := r.db.GetContext(ctx, &source, `SELECT file FROM pragma_database_list WHERE name = 'main'`); err != nil {
		return err
	}
	if err := checkTarget(source, to); err != nil {
		return err
	}
	partial := to + ".partial"
	if err := files.CheckReplaceable(partial); err != nil {
		return err
	}
	if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	defer os.Remove(partial) // fails after a successful rename
	if err := vacuum(ctx, source, partial); err != nil {
		return err
	}
	if err := syncFile(partial); err != nil {
		return err
	}
	return files.Rename(partial, to)
}

// vacuum copies the database on a separate connection, because that of a reader may not write, not
// even to another file.
func vacuum(ctx context.Context, source, to string) error {
	options, err := sharing(source)
	if err != nil {
		return err
	}
	db, err := sqlx.Open("sqlite3", database.Name(source, strings.ReplaceAll(options, "&_query_only=1", "")))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, database.Name(to, ""))
	return errors.Join(database.NameHolders(err, source), db.Close())
}

// checkTarget returns an error if the target is not a regular file, or is the database itself, or
// another one that is in use.
func checkTarget(source, to string) error {
	if err := files.CheckReplaceable(to); err != nil {
		return err
	}
	target, err := os.Stat(to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	original, err := os.Stat(source)
	if err != nil {
		return err
	}
	if os.SameFile(original, target) {
		return errors.New("that is the database itself")
	}
	if !missing(to + "-wal") {
		return errors.New("that is a database in use")
	}
	return nil
}

func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
