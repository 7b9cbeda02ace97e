// Package store keeps the contract's state in one SQLite file: members, epochs, winners with their
// evidence byte for byte, rewards and attempts. The schema is in migrations; it has views for
// queries with plain sqlite3.
//
// A Store writes, and only one process at a time may have it open. What it has stored survives a
// crash and a power cut. The winner of an epoch, its rewards, carried values included, and its
// record are stored in one transaction. A Reader only reads, while a contract runs or not, and
// never creates a file. The marker, a file next to the database, says which epoch was settled last;
// a Store refuses a database that lacks it, so that no epoch is settled twice. Packages ledger and
// verify decide when epochs begin and who may win.
package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
)

var (
	// ErrForeign reports a database that belongs to another contract or network.
	ErrForeign = errors.New("the database is another contract's")
	// ErrLocked reports a database that another process has open for writing.
	ErrLocked = errors.New("the database is in use by another contract: stop it, or use another folder")
	// ErrLost reports a database that is not, or no longer, the one in which the contract settled its
	// newest epoch: an older copy, another one, or none.
	ErrLost = errors.New("the database lacks what the contract has settled")
	// ErrNotOpen reports an epoch that cannot be settled: it has a winner, it is missed, or an earlier
	// one is open.
	ErrNotOpen = errors.New("the epoch cannot be settled now")
	// ErrNotFound reports an epoch, winner or group that does not exist.
	ErrNotFound = errors.New("not in the database")
)

//go:embed migrations/*.sql
var migrations embed.FS

// Identity says which contract a database belongs to.
type Identity struct {
	Network string
	Key     keys.Public
}

// Owner is the contract whose database is opened. Its key signs the records.
type Owner struct {
	Network string
	Key     block.Signer
}

// Store is an open database. Its methods may be called concurrently; writes are serialised.
type Store struct {
	Reader
	owner  Owner
	writer *database.DB
	lock   *os.File
	memory memory
}

// readers is the number of connections that read at the same time.
const readers = 4

// Files is the most files that a Store has open: the database and its log for each connection, what
// the connections share, the lock, the marker, and a copy that is being written with its log.
const Files = 2*(readers+1) + 3 + 2

const readerOptions = "?mode=ro&_query_only=1&_busy_timeout=5000&_txlock=deferred"

// Open opens the database at path, creates it if it does not exist, and brings its schema up to
// date. The folder must exist. The error is ErrForeign for the database of another contract or
// network, ErrLocked if another process has it open for writing, and ErrLost if it is not what its
// marker, the file path.marker, says. A write that waits for another
// program's lock or for room on the disk is logged; log may be nil.
func Open(ctx context.Context, path string, owner Owner, now contract.Millis, log *slog.Logger) (*Store, error) {
	lock, err := lockfile.Take(path+".lock", ErrLocked)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	s := &Store{owner: owner, lock: lock, memory: memory{path: path}}
	s.gate = &s.memory.gate
	if err := s.open(ctx, path, now, log); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string, now contract.Millis, log *slog.Logger) error {
	found, err := s.memory.begin()
	if err != nil {
		return err
	}
	if s.writer, err = database.Open(ctx, database.Config{Path: path, Migrations: migrations, Wait: patience, Log: log}); err != nil {
		return err
	}
	if err := s.claim(ctx, Identity{Network: s.owner.Network, Key: s.owner.Key.Public()}, now); err != nil {
		return err
	}
	if err := s.load(ctx, found); err != nil {
		return err
	}
	if err := s.migrateRecords(ctx); err != nil {
		return err
	}
	if s.db, err = sqlx.Open("sqlite3", database.Name(path, readerOptions)); err != nil {
		return err
	}
	s.db.SetMaxOpenConns(readers)
	s.db.SetMaxIdleConns(readers)
	return nil
}

// claim stores the identity in a new database, and compares it with that in an existing one.
func (s *Store) claim(ctx context.Context, who Identity, now contract.Millis) error {
	_, err := s.writer.ExecContext(ctx, `INSERT INTO contract (id, network, key, created_ms) VALUES (1, ?, ?, ?) ON CONFLICT DO NOTHING`,
		who.Network, hexKey(who.Key), int64(now))
	if err != nil {
		return err
	}
	owner, err := identity(ctx, s.writer)
	if err != nil {
		return err
	}
	if owner != who {
		return fmt.Errorf("%w: it has key %s and network %q, this contract has %s and %q; use the key and network of its first start, or a new folder",
			ErrForeign, owner.Key, owner.Network, who.Key, who.Network)
	}
	return nil
}

// Settings returns the settings that were kept, by name.
func (s *Store) Settings(ctx context.Context) (map[string]string, error) {
	kept, err := s.writer.Settings(ctx)
	if err != nil {
		return nil, fmt.Errorf("load settings: %w", err)
	}
	return kept, nil
}

// KeepSettings stores settings with which the contract was started.
func (s *Store) KeepSettings(ctx context.Context, settings map[string]string) error {
	if err := s.writer.KeepSettings(ctx, settings); err != nil {
		return fmt.Errorf("store settings: %w", err)
	}
	return nil
}

// Close closes the database. No method may be called afterwards.
func (s *Store) Close() error {
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.writer != nil { // the last connection merges the write-ahead log into the file
		errs = append(errs, s.writer.Close())
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// patience is how long a write waits for another program's lock on the database, or for room on the
// disk, before its caller is told to come back.
const patience = time.Second

// write runs change in one durable transaction. Once begun it completes even if ctx is cancelled.
func (s *Store) write(ctx context.Context, change func(context.Context, *sqlx.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	return s.writer.Write(ctx, func(tx *sqlx.Tx) error { return change(ctx, tx) })
}
