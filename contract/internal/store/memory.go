package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// memory compares the database with its marker, so that no epoch is settled twice after the
// database was restored from a copy, replaced or deleted.
type memory struct {
	path  string                 // of the database
	files map[string]fs.FileInfo // of the database, as they were when it was opened

	settling sync.Mutex // held from a settlement's transaction to its marker, guards current
	current  marker
	gate     gate
}

func (m *memory) marker() string { return m.path + markerSuffix }

// begin checks, before the database is opened and perhaps created, that it exists if its marker
// does.
func (m *memory) begin() (*marker, error) {
	found, err := readMarker(m.marker())
	if err != nil {
		return nil, m.advise(err)
	}
	if found == nil {
		return nil, nil
	}
	info, err := os.Stat(m.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0:
		return nil, m.advise(fmt.Errorf("%w: %s says that epoch %d was settled, and the database is missing", ErrLost, m.marker(), found.Epoch))
	case err != nil:
		return nil, err
	}
	return found, nil
}

// load compares an open database with its marker, and advances the marker to what the database
// holds.
func (s *Store) load(ctx context.Context, found *marker) error {
	m := &s.memory
	err := s.inTransaction(ctx, func(tx *sqlx.Tx) error {
		if err := m.accept(ctx, tx, found); err != nil {
			return err
		}
		return m.advance(ctx, tx, found)
	})
	if err != nil {
		return m.advise(err)
	}
	// The flag is stored after the marker: a crash between the two must not look like a loss.
	if _, err := s.writer.ExecContext(ctx, `UPDATE contract SET marked = 1 WHERE marked = 0`); err != nil {
		return err
	}
	m.gate.open(m.current.Epoch)
	m.files = map[string]fs.FileInfo{}
	for _, path := range []string{m.path, m.path + "-wal"} {
		if info, err := os.Stat(path); err == nil {
			m.files[path] = info
		} else if path == m.path {
			return err
		}
	}
	return nil
}

// inTransaction runs f in a transaction that is always rolled back.
func (s *Store) inTransaction(ctx context.Context, f func(*sqlx.Tx) error) error {
	tx, err := s.writer.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	return errors.Join(f(tx), tx.Rollback())
}

// accept returns an error that wraps ErrLost if the database is not the one that the marker, or its
// absence, belongs to.
func (m *memory) accept(ctx context.Context, tx *sqlx.Tx, found *marker) error {
	if found != nil {
		return found.check(ctx, tx)
	}
	var marked bool
	if err := tx.GetContext(ctx, &marked, `SELECT marked FROM contract`); err != nil {
		return err
	}
	if marked {
		return fmt.Errorf("%w: its marker %s is missing, so the database may be an old copy", ErrLost, m.marker())
	}
	return nil
}

// advance writes the marker for what the database holds, unless that is the one found.
func (m *memory) advance(ctx context.Context, tx *sqlx.Tx, found *marker) error {
	next, err := markerOf(ctx, tx)
	if err != nil {
		return err
	}
	m.current = next
	if found != nil && *found == next {
		return nil
	}
	if err := next.prepare(m.marker()); err != nil {
		return err
	}
	return publish(m.marker())
}

// remember runs a change that settles an epoch: it is durable in the database, then in the marker,
// and then it is visible.
func (s *Store) remember(ctx context.Context, change func(context.Context, *sqlx.Tx) error) error {
	s.memory.settling.Lock()
	defer s.memory.settling.Unlock()
	if err := s.Check(); err != nil {
		return err
	}
	next, err := s.commit(ctx, change)
	if err != nil {
		return err
	}
	if err := s.Check(); err != nil { // it may have been replaced meanwhile
		s.memory.gate.close(err)
		return err
	}
	if err := publish(s.memory.marker()); err != nil {
		err = fmt.Errorf("the contract stops, because it cannot write the marker of its database: %w (make the folder writable and start it again)", err)
		s.memory.gate.close(err)
		return err
	}
	s.memory.current = next
	s.memory.gate.open(next.Epoch)
	return nil
}

// commit stores a settlement, and prepares its marker.
func (s *Store) commit(ctx context.Context, change func(context.Context, *sqlx.Tx) error) (next marker, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := s.memory.current.check(ctx, tx); err != nil {
			return s.memory.stop(err)
		}
		if err := change(ctx, tx); err != nil {
			return err
		}
		if next, err = markerOf(ctx, tx); err != nil {
			return err
		}
		return next.prepare(s.memory.marker())
	})
	return next, err
}

// Stopped returns why no epoch can be settled any more: the database was replaced, or the marker
// cannot be written. It returns nil if nothing is known to be wrong.
func (s *Store) Stopped() error { return s.memory.gate.stopped() }

// Check returns an error that wraps ErrLost if the database was deleted or replaced since it was
// opened, or if an earlier call found that. No epoch can be settled afterwards.
func (s *Store) Check() error {
	m := &s.memory
	if err := m.gate.stopped(); err != nil {
		return err
	}
	for path, opened := range m.files {
		now, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return m.stop(fmt.Errorf("%w: %s was deleted while the contract ran", ErrLost, path))
		case err != nil:
			return err
		case !os.SameFile(opened, now):
			return m.stop(fmt.Errorf("%w: %s was replaced while the contract ran", ErrLost, path))
		}
	}
	return nil
}

// stop makes an error that wraps ErrLost the answer to every later settlement.
func (m *memory) stop(err error) error {
	if !errors.Is(err, ErrLost) {
		return err
	}
	err = m.advise(err)
	m.gate.close(err)
	return err
}

// advise adds to an error that wraps ErrLost what to do.
func (m *memory) advise(err error) error {
	if !errors.Is(err, ErrLost) {
		return err
	}
	return fmt.Errorf("%w (put the newest database and its marker back; if they are lost, contract recover --db %s says how to continue)", err, m.path)
}

// gate keeps readers from seeing a settlement before its marker is durable. The zero value is shut.
type gate struct {
	mu      sync.Mutex
	newest  contract.Epoch // newest one with a marker
	err     error          // set once: no further epoch will have a marker
	changed chan struct{}  // closed at the next change; nil if nobody waits
}

func (g *gate) open(newest contract.Epoch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.newest = newest
	g.notify()
}

func (g *gate) close(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = err
	}
	g.notify()
}

func (g *gate) notify() {
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

func (g *gate) stopped() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// wait returns nil when the marker of a settled epoch is durable. A nil gate, of a reader without a
// marker, is always open.
func (g *gate) wait(ctx context.Context, epoch contract.Epoch) error {
	if g == nil {
		return nil
	}
	for {
		g.mu.Lock()
		if epoch <= g.newest {
			g.mu.Unlock()
			return nil
		}
		if g.err != nil {
			defer g.mu.Unlock()
			return g.err
		}
		if g.changed == nil {
			g.changed = make(chan struct{})
		}
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
