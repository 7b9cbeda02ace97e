// Package sqlite implements store.Store in one SQLite file. It is the default store. The file is in
// WAL mode, and every commit ends with an fsync, so that a vote is on disk before it is signed. The
// schema is in migrations/*.sql and can be queried with sqlite3; most blobs are encoded by package
// canonical.
//
// One connection writes; a few read-only ones serve reads concurrently. A lock file keeps a second
// node out. Copy the file only with SQLite's own backup, and never restore a member from a copy: it
// would lack the votes signed since (PROTOCOL.md R8).
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/uptime"
)

//go:embed migrations/*.sql
var migrations embed.FS

// readers returns the number of read-only connections, and so of reads that run at the same time,
// in a process that may have limit files open.
func readers(limit int) int { return max(2, min(limit/64, 4)) }

// Files returns the most files that a store has open, in a process that may have limit open: the
// database and its log for each connection, what the connections share, and the lock.
func Files(limit int) int { return 2*(readers(limit)+1) + 2 }

// Store is a store.Store in one SQLite file.
type Store struct {
	path    string
	lock    *os.File
	writer  *sqlx.DB // one connection
	reader  *sqlx.DB // read-only
	logger  *slog.Logger
	commits commitStatements
	prunes  pruneStatements
	message *sqlx.Stmt // on the readers
	clock   *uptime.Clock
	pruning sync.Mutex // held by a Prune
	known   known
}

// Open opens the store at path, creates it if it does not exist, and migrates its schema. The
// folder must exist. It returns store.ErrLocked if another process, or this one, has the store
// open. logger may be nil.
func Open(path string, logger *slog.Logger) (*Store, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	lock, err := lockfile.Take(path+".lock", store.ErrLocked)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	s := &Store{path: path, lock: lock, logger: logger, known: newKnown()}
	if err := s.patience().Try(context.Background(), func() error { return s.connect(path) }); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.Close())
	}
	return s, nil
}

// openWait is for how long opening waits for another program's lock, or for room on the disk.
const openWait = 30 * time.Second

func (s *Store) patience() database.Patience {
	return database.Patience{Path: s.path, Most: openWait, Log: s.logger}
}

func (s *Store) connect(path string) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.disconnect())
			s.reader, s.writer = nil, nil // for the next attempt
		}
	}()
	s.writer = connection(path, "rwc", url.Values{
		"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_txlock": {"immediate"}, "_auto_vacuum": {"incremental"},
	})
	s.writer.SetMaxOpenConns(1)
	if err := s.migrate(context.Background()); err != nil {
		return err
	}
	if err := s.allowShrinking(); err != nil {
		return err
	}
	if err := s.loadRunning(); err != nil {
		return err
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return err
	}
	s.reader = connection(path, "ro", url.Values{"_query_only": {"1"}, "_txlock": {"deferred"}})
	count := readers(descriptors.Limit())
	s.reader.SetMaxOpenConns(count)
	s.reader.SetMaxIdleConns(count)
	if err := openAll(s.reader, count); err != nil {
		return err
	}
	if err := s.commits.prepare(s.writer); err != nil {
		return err
	}
	if err := s.prunes.prepare(s.writer); err != nil {
		return err
	}
	s.message, err = s.reader.Preparex(`SELECT m.message, m.crc FROM message_ids i JOIN messages m USING (number) WHERE i.message_id = ?`)
	return err
}

// openAll opens all connections of a pool, so that no later read needs a descriptor when there may
// be none left.
func openAll(pool *sqlx.DB, count int) error {
	var all []*sqlx.Conn
	var err error
	for range count {
		var one *sqlx.Conn
		if one, err = pool.Connx(context.Background()); err != nil {
			break
		}
		all = append(all, one)
	}
	for _, one := range all {
		err = errors.Join(err, one.Close()) // returns it to the pool
	}
	return err
}

// allowShrinking rewrites a file that was created without incremental auto-vacuum, which cannot
// shrink. That takes about the file's size in memory.
func (s *Store) allowShrinking() error {
	const incremental = 2
	var mode int
	if err := s.writer.Get(&mode, "PRAGMA auto_vacuum"); err != nil || mode == incremental {
		return err
	}
	s.logger.Info("rewriting the store file once, to let it shrink later")
	if _, err := s.writer.Exec("PRAGMA auto_vacuum = INCREMENTAL; VACUUM"); err != nil {
		return fmt.Errorf("rewrite the file, to let it shrink: %w", err)
	}
	return nil
}

func (s *Store) migrate(ctx context.Context) error {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, s.writer.DB, folder, goose.WithSlog(s.logger), goose.WithGoMigrations(fillMigration()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if have > want {
		return fmt.Errorf("schema has version %d, this program knows up to %d: use a newer program", have, want)
	}
	_, err = provider.Up(ctx)
	return err
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// busyTimeout is how long, in milliseconds, a statement waits for a lock held by another process,
// such as sqlite3, before the caller is told.
const busyTimeout = "1000"

// connection returns a pool of connections to the file, which it opens on first use.
func connection(path, mode string, options url.Values) *sqlx.DB {
	options.Set("mode", mode)
	options.Set("_busy_timeout", busyTimeout)
	options.Set("_foreign_keys", "on")
	return sqlx.NewDb(sql.OpenDB(connector{database.Name(path, "?"+options.Encode())}), "sqlite3")
}

// connector opens connections that keep temporary tables in memory: the container image has no
// folder for temporary files.
type connector struct{ name string }

func (c connector) Driver() driver.Driver {
	return &sqlite3.SQLiteDriver{ConnectHook: func(conn *sqlite3.SQLiteConn) error {
		_, err := conn.Exec("PRAGMA temp_store = MEMORY", nil)
		return err
	}}
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.Driver().Open(c.name) }

// Close writes the log back into the file, closes the file and releases the lock.
func (s *Store) Close() error {
	if s.clock != nil && s.writer != nil {
		// If it fails, as on a full disk, some running time is lost, as in a crash.
		_, _ = s.writer.Exec(saveRunning, s.clock.Now())
	}
	return errors.Join(s.disconnect(), s.lock.Close())
}

func (s *Store) disconnect() error {
	var all []error
	if s.reader != nil {
		all = append(all, s.reader.Close())
	}
	if s.writer != nil {
		all = append(all, s.writer.Close()) // closing the last connection writes the log back
	}
	return errors.Join(all...)
}
