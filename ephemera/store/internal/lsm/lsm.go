// Package lsm is store.Store over any ordered key-value database with atomic batches and snapshots,
// which log-structured merge trees are: store/pebble and store/rocksdb bring theirs. Here is the
// layout of the keys (keys.go) and everything that a store promises; there is how a database is
// opened, synced and closed.
package lsm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Reader reads a database, or one moment of it. Its methods are safe for concurrent use.
type Reader interface {
	// Get returns a copy of the value of a key, nil and no error where there is none.
	Get(key []byte) ([]byte, error)
	// Scan visits the keys from from (included) to to (excluded) in ascending order until visit
	// returns false or an error. Key and value are valid during the visit only.
	Scan(from, to []byte, visit func(key, value []byte) (bool, error)) error
}

// Snapshot is one moment of a database.
type Snapshot interface {
	Reader
	Close() error
}

// Database is what a store needs of a database. Write and Compact have one caller at a time.
type Database interface {
	Reader
	Snapshot() Snapshot
	// Write applies all changes or none, also across a crash. When it returns nil they are durable
	// (fsynced).
	Write(changes []Change) error
	// Compact gives back the space of removed keys in this range.
	Compact(ctx context.Context, from, to []byte) error
	Close() error
}

// Change sets a key, or removes it where Value is nil. An empty value that is not nil is a value.
type Change struct{ Key, Value []byte }

// Store is a store.Store on a Database.
type Store struct {
	lock    *os.File
	db      Database
	writing sync.Mutex // a commit, or a step of Prune
	pruning sync.Mutex // one Prune at a time
	// guarded by writing:
	sequence uint64 // of the newest certified block
	number   uint64 // of the newest message

	closed atomic.Bool
}

// version is that of the keys' layout.
const version = 1

var errClosed = errors.New("store is closed")

// New returns the store in a database. It takes over both, and closes them also when it fails. Lock
// may be nil.
func New(db Database, lock *os.File) (*Store, error) {
	s := &Store{lock: lock, db: db}
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// begin checks the layout and finds the counters.
func (s *Store) begin() error {
	have, err := s.db.Get([]byte{keyVersion})
	if err != nil {
		return fmt.Errorf("read layout version: %w", err)
	}
	if have == nil {
		return s.db.Write([]Change{{Key: []byte{keyVersion}, Value: []byte{version}}})
	}
	if len(have) != 1 || have[0] != version {
		return fmt.Errorf("its layout has version %x, this program knows %d; use the newer program", have, version)
	}
	counters, err := s.db.Get([]byte{keyCounters})
	if err != nil || counters == nil {
		return err
	}
	if len(counters) != 16 {
		return fmt.Errorf("stored counters have %d bytes, expected 16", len(counters))
	}
	s.sequence, s.number = binary.BigEndian.Uint64(counters), binary.BigEndian.Uint64(counters[8:])
	return nil
}

// Close closes the database and releases the lock.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed.Swap(true) {
		return nil
	}
	err := s.db.Close()
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

// view lets look read one moment of the store.
func (s *Store) view(ctx context.Context, look func(view) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return errClosed
	}
	snapshot := s.db.Snapshot()
	err := look(view{snapshot})
	return errors.Join(err, snapshot.Close())
}

// write begins a write, runs change, which reads its own changes, and applies them durably. Nothing
// is applied when it fails.
func (s *Store) write(ctx context.Context, change func(*batch) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed.Load() {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b := &batch{db: s.db, values: map[string][]byte{}, sequence: s.sequence, number: s.number}
	if err := change(b); err != nil {
		return err
	}
	if b.sequence != s.sequence || b.number != s.number {
		b.set([]byte{keyCounters}, binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, b.sequence), b.number))
	}
	if len(b.order) == 0 {
		return nil
	}
	if err := s.db.Write(b.changes()); err != nil {
		return err
	}
	s.sequence, s.number = b.sequence, b.number
	return nil
}

// batch is the changes of one write, which reads see.
type batch struct {
	db       Reader
	values   map[string][]byte // nil: removed
	order    []string
	sequence uint64
	number   uint64
}

func (b *batch) get(key []byte) ([]byte, error) {
	if value, ok := b.values[string(key)]; ok {
		return value, nil
	}
	return b.db.Get(key)
}

// set keeps value, which must not change.
func (b *batch) set(key, value []byte) {
	if _, ok := b.values[string(key)]; !ok {
		b.order = append(b.order, string(key))
	}
	b.values[string(key)] = value
}

func (b *batch) remove(key []byte) { b.set(key, nil) }

func (b *batch) changes() []Change {
	changes := make([]Change, len(b.order))
	for i, key := range b.order {
		changes[i] = Change{Key: []byte(key), Value: b.values[key]}
	}
	return changes
}

// Identity returns whose store this is; see store.Store.
func (s *Store) Identity(ctx context.Context) (identity store.Identity, err error) {
	err = s.view(ctx, func(v view) error {
		identity, err = v.identity()
		return err
	})
	if err != nil {
		return store.Identity{}, fmt.Errorf("load identity: %w", err)
	}
	return identity, nil
}

// SetIdentity writes it durably; see store.Store.
func (s *Store) SetIdentity(ctx context.Context, identity store.Identity) error {
	err := s.write(ctx, func(b *batch) error {
		old, err := view{s.db}.identity()
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && (old.Network != identity.Network || old.Key != identity.Key) {
			return store.ErrForeign
		}
		b.set([]byte{keyIdentity}, encodeIdentity(identity))
		return nil
	})
	if err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	return nil
}
