// Package lsm implements store.Store on an ordered key-value database with atomic batches and
// snapshots, such as a log-structured merge tree. It holds the layout of the keys (keys.go) and
// everything that store.Store promises. The packages store/pebble and store/rocksdb provide the
// Database: how it is opened, synced and closed.
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
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/uptime"
)

// Reader reads a database or a snapshot. Its methods are safe for concurrent use.
type Reader interface {
	// Get returns a copy of a key's value, or nil and no error if the key does not exist.
	Get(key []byte) ([]byte, error)
	// Scan visits the keys from from (inclusive) to to (exclusive) in ascending order until visit
	// returns false or an error, which it returns. visit must not keep key and value.
	Scan(from, to []byte, visit func(key, value []byte) (bool, error)) error
}

// Snapshot reads a database as it was when the snapshot was taken.
type Snapshot interface {
	Reader
	Close() error
}

// Database is what a Store needs of a database. Each of Write and Compact has one caller at a time;
// a Write may run concurrently with a Compact.
type Database interface {
	Reader
	Snapshot() Snapshot
	// Write applies all changes or, after an error or a crash, none. When it returns nil they are
	// durable (fsynced).
	Write(changes []Change) error
	// Free returns how many bytes are free on the disk. known is false if nobody knows.
	Free() (bytes uint64, known bool)
	// Compact frees the disk space of removed keys from from (inclusive) to to (exclusive).
	Compact(ctx context.Context, from, to []byte) error
	Close() error
}

// Change sets a key, or removes it if Value is nil. An empty Value is a value.
type Change struct{ Key, Value []byte }

// Store is a store.Store on a Database.
type Store struct {
	lock    *os.File
	db      Database
	writing sync.Mutex // held by a commit, or by one batch of Prune
	pruning sync.Mutex // held by a Prune
	// Guarded by writing:
	sequence  uint64 // of the newest certified block
	number    uint64 // of the newest message
	forgotten int64  // as Store.Forgotten

	clock  *uptime.Clock
	closed atomic.Bool
}

var errClosed = errors.New("store is closed")

// New returns the store in a database. The store closes db and lock in Close, and New closes both
// if it fails. lock may be nil.
func New(db Database, lock *os.File) (*Store, error) {
	s := &Store{lock: lock, db: db}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// load checks the layout's version, which it writes to a new database, and reads the counters.
func (s *Store) load() error {
	if err := s.migrate(); err != nil {
		return err
	}
	counters, err := s.db.Get([]byte{keyCounters})
	if err != nil {
		return err
	}
	if counters == nil {
		s.clock, s.forgotten = uptime.New(0), -1
		return nil
	}
	if err := checkLength(counters, 32, "counters"); err != nil {
		return err
	}
	s.sequence, s.number = binary.BigEndian.Uint64(counters), binary.BigEndian.Uint64(counters[8:])
	s.clock = uptime.New(int64(binary.BigEndian.Uint64(counters[16:])))
	s.forgotten = int64(binary.BigEndian.Uint64(counters[24:]))
	return nil
}

// Clock returns the running time that Store.Prune counts by. It is for package storetest.
func (s *Store) Clock() *uptime.Clock { return s.clock }

// Close closes the database and releases the lock.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed.Swap(true) {
		return nil
	}
	if s.clock != nil {
		// If it fails, as on a full disk, some running time is lost, as in a crash.
		last := []Change{s.counters(s.sequence, s.number, s.forgotten, s.clock.Now())}
		if s.room(last, reserve) == nil {
			_ = s.db.Write(last)
		}
	}
	err := s.db.Close()
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

// view calls read with a snapshot of the store.
func (s *Store) view(ctx context.Context, read func(view) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return errClosed
	}
	snapshot := s.db.Snapshot()
	err := read(view{snapshot})
	return errors.Join(err, snapshot.Close())
}

// write collects the changes that change makes and applies them durably. If it returns an error,
// none is applied. It returns store.ErrFull if that would leave less than reserve bytes free.
func (s *Store) write(ctx context.Context, reserve uint64, change func(*batch) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed.Load() {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	now, due := s.clock.Due()
	b := &batch{db: s.db, values: map[string][]byte{}, sequence: s.sequence, number: s.number, forgotten: s.forgotten, now: now}
	if err := change(b); err != nil {
		return err
	}
	changes, saves := b.changes(), false
	if due || b.sequence != s.sequence || b.number != s.number || b.forgotten != s.forgotten {
		changes = append(changes, s.counters(b.sequence, b.number, b.forgotten, now))
		saves = true
	}
	if len(changes) == 0 {
		return nil
	}
	if err := s.room(changes, reserve); err != nil {
		return err
	}
	if err := s.db.Write(changes); err != nil {
		return err
	}
	if saves {
		s.clock.Saved(now)
	}
	s.sequence, s.number, s.forgotten = b.sequence, b.number, b.forgotten
	return nil
}

// What must be free on the disk in addition to twice the changes, in bytes: the database writes
// them to its log, and later to a table, while it rewrites older tables. A database that finds no
// room in the middle of a write cannot continue, so nothing is begun without it.
const (
	reserve         = 16 << 20
	reserveToRemove = 4 << 20 // for changes that free space
)

// room returns store.ErrFull if the disk has too little space for changes.
func (s *Store) room(changes []Change, reserve uint64) error {
	free, known := s.db.Free()
	if !known {
		return nil
	}
	need := reserve
	for _, c := range changes {
		need += 2 * uint64(len(c.Key)+len(c.Value))
	}
	if free < need {
		return fmt.Errorf("%w (%d bytes are free, %d are needed)", store.ErrFull, free, need)
	}
	return nil
}

func (s *Store) counters(sequence, number uint64, forgotten, running int64) Change {
	value := make([]byte, 0, 32)
	for _, n := range []uint64{sequence, number, uint64(running), uint64(forgotten)} {
		value = binary.BigEndian.AppendUint64(value, n)
	}
	return Change{Key: []byte{keyCounters}, Value: value}
}

// batch collects the changes of one write. Its reads see them.
type batch struct {
	db        Reader
	values    map[string][]byte // the new values, nil for removed keys
	order     []string          // the keys of values, in the order of their first change
	sequence  uint64
	number    uint64
	forgotten int64
	now       int64 // the store's running time
}

func (b *batch) get(key []byte) ([]byte, error) {
	if value, ok := b.values[string(key)]; ok {
		return value, nil
	}
	return b.db.Get(key)
}

// set keeps a reference to value, so the caller must not modify it.
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

// SetIdentity durably writes whose store this is; see store.Store.
func (s *Store) SetIdentity(ctx context.Context, identity store.Identity) error {
	err := s.write(ctx, reserve, func(b *batch) error {
		old, err := view{s.db}.identity()
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && (old.Network != identity.Network || old.Key != identity.Key) {
			return store.ErrForeign
		}
		b.set([]byte{keyIdentity}, encodeIdentity(identity))
		if identity.Votes > old.Votes {
			b.set([]byte{keyVotes}, number(identity.Votes))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	return nil
}
