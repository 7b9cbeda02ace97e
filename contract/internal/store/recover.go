package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
)

// ErrNothingLost reports a database that agrees with its marker, so there is nothing to recover.
var ErrNothingLost = errors.New("the database holds what the contract has settled")

// Loss says what a database lacks.
type Loss struct {
	Settled contract.Epoch // newest settled epoch by the marker or the database, 0 if neither says
	Stored  contract.Epoch // newest settled epoch in the database, or 0
	Reason  error          // wraps ErrLost
}

// Recover makes a contract continue with the database at path, or with a new one if it is missing,
// although it lacks what was settled: the contract may sign a second receipt for each epoch up to
// Loss.Settled. It calls accept with the loss; if accept returns an error, it changes nothing and
// returns that. The old marker is kept under the name that it returns, or "" if it was missing. The
// error is ErrLocked while a contract runs, and ErrNothingLost if nothing is lost.
func Recover(ctx context.Context, path string, accept func(Loss) error) (kept string, err error) {
	lock, err := lockfile.Take(path+".lock", ErrLocked)
	if err != nil {
		return "", fmt.Errorf("recover %s: %w", path, err)
	}
	s := &Store{lock: lock, memory: memory{path: path}}
	kept, err = s.recover(ctx, accept)
	if err = errors.Join(err, s.Close()); err != nil {
		return "", fmt.Errorf("recover %s: %w", path, err)
	}
	return kept, nil
}

func (s *Store) recover(ctx context.Context, accept func(Loss) error) (kept string, err error) {
	m := &s.memory
	found, lost := m.begin()
	if lost != nil && !errors.Is(lost, ErrLost) {
		return "", lost
	}
	var loss Loss
	if found == nil { // damaged, or the database is missing
		found, _ = readMarker(m.marker())
	}
	if found != nil {
		loss.Settled = found.Epoch
	}
	exists, err := s.openExisting(ctx)
	if err != nil {
		return "", err
	}
	if exists {
		if loss.Stored, err = s.examine(ctx, found, &lost); err != nil {
			return "", err
		}
	}
	if lost == nil {
		return "", ErrNothingLost
	}
	loss.Settled, loss.Reason = max(loss.Settled, loss.Stored), lost
	if err := accept(loss); err != nil {
		return "", err
	}
	if kept, err = m.keep(); err != nil || !exists {
		return kept, err
	}
	return kept, s.inTransaction(ctx, func(tx *sqlx.Tx) error { return m.advance(ctx, tx, nil) })
}

// openExisting opens the database. It reports whether there is one.
func (s *Store) openExisting(ctx context.Context) (bool, error) {
	info, err := os.Stat(s.memory.path)
	if err != nil || info.Size() == 0 {
		if missing(s.memory.path) || err == nil {
			return false, nil
		}
		return false, err
	}
	s.writer, err = database.Open(ctx, database.Config{Path: s.memory.path, Migrations: migrations, Wait: patience})
	return err == nil, err
}

// examine returns the newest settled epoch in the database, and sets lost if the marker does not
// belong to it.
func (s *Store) examine(ctx context.Context, found *marker, lost *error) (stored contract.Epoch, err error) {
	err = s.inTransaction(ctx, func(tx *sqlx.Tx) error {
		if _, err := identity(ctx, tx); err != nil {
			return fmt.Errorf("not a contract's: %w", err)
		}
		if stored, err = newestSettled(ctx, tx); err != nil || *lost != nil {
			return err
		}
		if err := s.memory.accept(ctx, tx, found); errors.Is(err, ErrLost) {
			*lost = err
		} else if err != nil {
			return err
		}
		return nil
	})
	return stored, err
}

// keep renames the marker, so that it can still be compared with receipts.
func (m *memory) keep() (kept string, err error) {
	if missing(m.marker()) {
		return "", nil
	}
	kept = fmt.Sprintf("%s.%s", m.marker(), time.Now().UTC().Format("20060102T150405.000Z"))
	return kept, files.Rename(m.marker(), kept)
}
