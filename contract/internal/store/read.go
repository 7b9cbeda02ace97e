package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/ledger"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Reader reads a contract's database. Its methods may be called concurrently; each of them sees one
// consistent state.
type Reader struct {
	db   *sqlx.DB
	gate *gate // nil without a Store
}

// OpenReader opens the database at path for reading, while a contract runs on it or not. It creates
// no file, not even a log next to the database. The error wraps fs.ErrNotExist if the database does
// not exist.
func OpenReader(ctx context.Context, path string) (*Reader, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("read database: %w", err)
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read database %s: not a file", path)
	}
	options, err := sharing(path)
	if err != nil {
		return nil, fmt.Errorf("read database %s: %w", path, err)
	}
	db, err := sqlx.Open("sqlite3", database.Name(path, options))
	if err != nil {
		return nil, fmt.Errorf("read database %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	r := &Reader{db: db}
	if _, err := r.Identity(ctx); err != nil {
		if !diskfault.Passes(err) {
			err = fmt.Errorf("not a contract's: %w", err)
		}
		return nil, errors.Join(fmt.Errorf("read database %s: %w", path, database.NameHolders(err, path)), db.Close())
	}
	return r, nil
}

// sharing returns the options for a database that may be in use. SQLite would create the missing
// shared index of a write-ahead log. A database without a log is not being written, so it is opened
// as immutable.
func sharing(path string) (string, error) {
	log, err := os.Stat(path + "-wal")
	if errors.Is(err, fs.ErrNotExist) || err == nil && log.Size() == 0 && missing(path+"-shm") {
		return readerOptions + "&immutable=1", nil
	}
	if err != nil {
		return "", err
	}
	if missing(path + "-shm") {
		return "", fmt.Errorf("it was copied while in use, without %s-shm: copy it with contract backup --to FILE", filepath.Base(path))
	}
	return readerOptions, nil
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// Close closes the database.
func (r *Reader) Close() error { return r.db.Close() }

// Identity returns which contract the database belongs to.
func (r *Reader) Identity(ctx context.Context) (Identity, error) { return identity(ctx, r.db) }

func identity(ctx context.Context, db sqlx.QueryerContext) (Identity, error) {
	var row struct {
		Network string `db:"network"`
		Key     string `db:"key"`
	}
	if err := sqlx.GetContext(ctx, db, &row, `SELECT network, key FROM contract`); err != nil {
		return Identity{}, err
	}
	key, err := parseKey(row.Key)
	return Identity{Network: row.Network, Key: key}, err
}

// Ping returns nil if the database responds.
func (r *Reader) Ping(ctx context.Context) error {
	var one int
	return r.db.GetContext(ctx, &one, `SELECT 1`)
}

// Members returns all enrolled members in the order of their keys.
func (r *Reader) Members(ctx context.Context) ([]Member, error) {
	var rows []struct {
		Key       string `db:"key"`
		Name      string `db:"name"`
		Addresses string `db:"addresses"`
		Counter   int64  `db:"counter"`
	}
	if err := r.db.SelectContext(ctx, &rows, `SELECT key, name, addresses, counter FROM member ORDER BY key`); err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	members := make([]Member, len(rows))
	for i, row := range rows {
		key, err := parseKey(row.Key)
		if err != nil {
			return nil, fmt.Errorf("read members: %w", err)
		}
		members[i] = Member{Peer: membership.Peer{Key: key, Name: row.Name}, Counter: uint64(row.Counter)}
		if err := json.Unmarshal([]byte(row.Addresses), &members[i].Addresses); err != nil {
			return nil, fmt.Errorf("read addresses of %s: %w", row.Name, err)
		}
	}
	return members, nil
}

// Group returns the newest group, or ErrNotFound.
func (r *Reader) Group(ctx context.Context) (*membership.Group, error) {
	var encoded []byte
	if err := r.db.GetContext(ctx, &encoded, `SELECT encoded FROM member_group ORDER BY number DESC LIMIT 1`); err != nil {
		return nil, fmt.Errorf("read group: %w", orNotFound(err))
	}
	return membership.DecodeGroup(encoded)
}

type entryRow struct {
	ID    int64 `db:"id"`
	Start int64 `db:"start_ms"`
	End   int64 `db:"end_ms"`
	Close int64 `db:"close_ms"`
}

func (e entryRow) entry() ledger.Entry {
	return ledger.Entry{ID: contract.Epoch(e.ID), Start: contract.Millis(e.Start), End: contract.Millis(e.End), Close: contract.Millis(e.Close)}
}

// Schedule returns the newest epoch, zero if there is no epoch yet, and all open ones in ascending
// order, as ledger.New takes them.
func (r *Reader) Schedule(ctx context.Context) (newest ledger.Entry, open []ledger.Entry, err error) {
	var last []entryRow
	if err := r.db.SelectContext(ctx, &last, `SELECT id, start_ms, end_ms, close_ms FROM epoch ORDER BY id DESC LIMIT 1`); err != nil {
		return newest, nil, fmt.Errorf("read newest epoch: %w", err)
	}
	if len(last) == 0 {
		return newest, nil, nil
	}
	var rows []entryRow
	if err := r.db.SelectContext(ctx, &rows, `SELECT id, start_ms, end_ms, close_ms FROM epoch WHERE status = 'open' ORDER BY id`); err != nil {
		return newest, nil, fmt.Errorf("read open epochs: %w", err)
	}
	for _, row := range rows {
		open = append(open, row.entry())
	}
	return last[0].entry(), open, nil
}

// Description returns the description of an epoch, or ErrNotFound.
func (r *Reader) Description(ctx context.Context, epoch contract.Epoch) (contract.Description, error) {
	var encoded []byte
	if err := r.db.GetContext(ctx, &encoded, `SELECT description FROM epoch WHERE id = ?`, int64(epoch)); err != nil {
		return contract.Description{}, fmt.Errorf("read description of epoch %d: %w", epoch, orNotFound(err))
	}
	return contract.DecodeDescription(encoded)
}

// Winning is a winning submission, with which a retry is compared.
type Winning struct {
	Winner  contract.Winner
	Digest  contract.Hash // of the submission
	Receipt contract.Receipt
}

// Winning returns the winning submission of an epoch, or ErrNotFound.
func (r *Reader) Winning(ctx context.Context, epoch contract.Epoch) (Winning, error) {
	var row struct {
		winnerRow
		Submission []byte `db:"submission"`
		Receipt    []byte `db:"receipt"`
	}
	err := r.db.GetContext(ctx, &row, `SELECT w.key AS winner_key, m.name AS winner_name, w.block, w.accepted_ms, w.submission, w.receipt
		FROM winner w LEFT JOIN member m ON m.key = w.key WHERE w.epoch = ?`, int64(epoch))
	if err != nil {
		return Winning{}, fmt.Errorf("read winner of epoch %d: %w", epoch, orNotFound(err))
	}
	winner, err := row.winner()
	if err != nil {
		return Winning{}, fmt.Errorf("read winner of epoch %d: %w", epoch, err)
	}
	if err := r.gate.wait(ctx, epoch); err != nil {
		return Winning{}, fmt.Errorf("read winner of epoch %d: %w", epoch, err)
	}
	receipt, err := contract.DecodeReceipt(row.Receipt)
	if err != nil {
		return Winning{}, fmt.Errorf("read receipt of epoch %d: %w", epoch, err)
	}
	return Winning{Winner: *winner, Digest: contract.Digest(row.Submission), Receipt: receipt}, nil
}

func orNotFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
