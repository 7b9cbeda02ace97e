// Package memory implements store.Store in memory, for tests and simulation. A Disk takes the place
// of a node's files: it outlives the store, so that a store opened on it later finds what was
// committed. Disk.Snapshot takes the place of a copy of those files, for tests that restore an old
// copy.
package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/leaves"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/uptime"
)

// Disk holds the committed state of one node. Its methods are safe for concurrent use.
type Disk struct {
	mu   sync.RWMutex
	open bool
	data data
}

// chainKey names a chain.
type chainKey struct {
	group   membership.ID
	creator keys.Public
}

func keyOf(s block.Slot) chainKey { return chainKey{s.Group, s.Creator} }

type chain struct {
	certified uint64 // contiguous
	delivered uint64
}

type data struct {
	identity     *store.Identity
	votings      uint64 // commits that held votes
	blocks       map[block.ID]block.Block
	votes        map[block.Slot]block.ID
	slots        map[block.Slot]block.ID // certified
	certificates map[block.ID]certificate.Certificate
	evidence     map[chainKey]store.Evidence
	forks        map[chainKey]store.Fork
	chains       map[chainKey]chain
	groups       map[uint64]store.Group // by number
	order        []block.ID             // certified blocks; the first has sequence 1
	broken       map[block.ID]error     // damaged beyond decoding; Disk.Rot fills it
	removed      map[block.ID]removed   // what remains of the messages that Prune removed
	arrived      map[block.ID]int64     // running time at which a certified block was whole
	running      int64                  // running time at the last Close
	forgotten    int64                  // as Store.Forgotten
}

// removed is what remains of a block's messages, with the running time at which they came.
type removed struct {
	leaves  []leaves.Leaf
	arrived int64
}

// NewDisk returns an empty disk.
func NewDisk() *Disk {
	return &Disk{data: data{
		blocks:       map[block.ID]block.Block{},
		votes:        map[block.Slot]block.ID{},
		slots:        map[block.Slot]block.ID{},
		certificates: map[block.ID]certificate.Certificate{},
		evidence:     map[chainKey]store.Evidence{},
		forks:        map[chainKey]store.Fork{},
		chains:       map[chainKey]chain{},
		groups:       map[uint64]store.Group{},
		broken:       map[block.ID]error{},
		removed:      map[block.ID]removed{},
		arrived:      map[block.ID]int64{},
		forgotten:    -1,
	}}
}

// Snapshot returns a new disk with a copy of what is committed now.
func (d *Disk) Snapshot() *Disk {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return &Disk{data: d.data.clone()}
}

// Open returns the store on this disk. It returns store.ErrLocked if an earlier one was not closed.
func (d *Disk) Open() (*Store, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open {
		return nil, store.ErrLocked
	}
	d.open = true
	return &Store{disk: d, clock: uptime.New(d.data.running)}, nil
}

// clone copies the maps. Their values are never changed in place.
func (d data) clone() data {
	return data{
		identity:     d.identity,
		votings:      d.votings,
		blocks:       maps.Clone(d.blocks),
		votes:        maps.Clone(d.votes),
		slots:        maps.Clone(d.slots),
		certificates: maps.Clone(d.certificates),
		evidence:     maps.Clone(d.evidence),
		forks:        maps.Clone(d.forks),
		chains:       maps.Clone(d.chains),
		groups:       maps.Clone(d.groups),
		order:        slices.Clone(d.order),
		removed:      maps.Clone(d.removed),
		broken:       maps.Clone(d.broken),
		arrived:      maps.Clone(d.arrived),
		running:      d.running,
		forgotten:    d.forgotten,
	}
}

// Store is a store.Store on a Disk.
type Store struct {
	disk   *Disk
	clock  *uptime.Clock
	closed bool // guarded by disk.mu
}

// New returns a store on a new disk.
func New() *Store {
	disk := NewDisk()
	disk.open = true
	return &Store{disk: disk, clock: uptime.New(0)}
}

// Clock returns the running time that Store.Prune counts by. It is for package storetest.
func (s *Store) Clock() *uptime.Clock { return s.clock }

var errClosed = errors.New("store is closed")

// Commit applies the writes; see store.Store.
func (s *Store) Commit(ctx context.Context, writes []store.Write) error {
	return s.locked(ctx, func(d *data) error {
		var undo undo
		for _, w := range writes {
			if err := d.apply(w, &undo); err != nil {
				undo.run()
				return fmt.Errorf("commit %T: %w", w, err)
			}
			d.stamp(w, s.clock.Now(), &undo)
		}
		if store.HoldVotes(writes) {
			d.votings++
		}
		s.saveRunning(d)
		return nil
	})
}

// saveRunning keeps the running time with a commit from time to time, as stores on disks do, so
// that a snapshot has it.
func (s *Store) saveRunning(d *data) {
	if now, due := s.clock.Due(); due {
		d.running = now
		s.clock.Saved(now)
	}
}

func (s *Store) locked(ctx context.Context, change func(*data) error) error {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	if s.closed {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return change(&s.disk.data)
}

func (s *Store) read(ctx context.Context, read func(*data) error) error {
	s.disk.mu.RLock()
	defer s.disk.mu.RUnlock()
	if s.closed {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return read(&s.disk.data)
}

func (d *data) apply(w store.Write, u *undo) error {
	switch w := w.(type) {
	case store.PutVote:
		slot, id := w.Block.Header.Slot(), w.Block.ID()
		if voted, ok := d.votes[slot]; ok && voted != id {
			return fmt.Errorf("%w: slot %s, block %s", store.ErrVoted, slot, voted)
		}
		if w.Block.Pruned() {
			return fmt.Errorf("vote for %s: %w", id.Short(), store.ErrPruned)
		}
		put(u, d.votes, slot, id)
		put(u, d.chains, keyOf(slot), d.chains[keyOf(slot)])
		if w.Again {
			d.replace(id, w.Block, u)
		}
		d.hold(id, w.Block, u)
	case store.PutCertified:
		return d.certify(w, u)
	case store.PutRepaired:
		return d.repair(w, u)
	case store.PutEvidence:
		key := keyOf(w.Evidence.A.Header.Slot())
		if _, ok := d.evidence[key]; !ok {
			put(u, d.evidence, key, w.Evidence)
		}
	case store.PutFork:
		d.fork(w.Fork, u)
	case store.PutDelivered:
		c := d.chains[keyOf(w.Slot)]
		if w.Slot.Height > c.delivered {
			c.delivered = w.Slot.Height
			put(u, d.chains, keyOf(w.Slot), c)
		}
	case store.PutGroup:
		number := w.Group.Number()
		if other, ok := d.groups[number]; !ok {
			put(u, d.groups, number, store.Group{Group: w.Group})
		} else if other.Group.ID() != w.Group.ID() {
			return fmt.Errorf("%w: number %d belongs to %s, not to %s", store.ErrGroup, number, other.Group.ID(), w.Group.ID())
		}
	case store.PutClosed:
		return d.close(w.Group, u)
	default:
		return fmt.Errorf("unknown type of write %T", w)
	}
	return nil
}

// stamp notes the running time if the write made a certified block whole.
func (d *data) stamp(w store.Write, now int64, u *undo) {
	var id block.ID
	switch w := w.(type) {
	case store.PutVote:
		id = w.Block.ID()
	case store.PutCertified:
		id = w.Block.ID()
	case store.PutRepaired:
		id = w.Block.ID()
	default:
		return
	}
	_, certified := d.certificates[id]
	if _, stamped := d.arrived[id]; certified && !stamped && !d.blocks[id].Pruned() {
		put(u, d.arrived, id, now)
	}
}

func (d *data) close(id membership.ID, u *undo) error {
	for number, g := range d.groups {
		if g.Group.ID() == id {
			g.Closed = true
			put(u, d.groups, number, g)
			return nil
		}
	}
	return fmt.Errorf("close group %s: %w", id, store.ErrNotFound)
}

func (d *data) certify(w store.PutCertified, u *undo) error {
	slot, id := w.Block.Header.Slot(), w.Block.ID()
	if other, ok := d.slots[slot]; ok && other != id {
		return fmt.Errorf("%w: slot %s, block %s", store.ErrConflict, slot, other)
	}
	if _, ok := d.slots[slot]; !ok {
		put(u, d.slots, slot, id)
		d.order = append(d.order, id)
		*u = append(*u, func() { d.order = d.order[:len(d.order)-1] })
	}
	put(u, d.certificates, id, cloned(w.Certificate))
	d.hold(id, w.Block, u)
	c := d.chains[keyOf(slot)]
	for {
		slot.Height = c.certified + 1
		if _, ok := d.slots[slot]; !ok {
			break
		}
		c.certified++
	}
	put(u, d.chains, keyOf(slot), c)
	return nil
}

// hold stores a block, and of a stored block what was missing: its signature and its messages.
func (d *data) hold(id block.ID, b block.Block, u *undo) {
	if held, ok := d.blocks[id]; ok {
		signed, whole := held.Signature != keys.Signature{}, !held.Pruned()
		if (signed || b.Signature == keys.Signature{}) && (whole || b.Pruned()) {
			return
		}
		if signed {
			b.Signature = held.Signature
		}
		if whole {
			b.Messages = held.Messages
		}
	}
	b.Messages = slices.Clone(b.Messages)
	put(u, d.blocks, id, b)
}

// Load returns the state of a group; see store.Store.
func (s *Store) Load(ctx context.Context, group membership.ID) (store.State, error) {
	var state store.State
	err := s.read(ctx, func(d *data) error {
		for key, c := range d.chains {
			if key.group == group {
				state.Chains = append(state.Chains, d.chain(key, c))
			}
		}
		for key, evidence := range d.evidence {
			if key.group == group {
				state.Evidence = append(state.Evidence, evidence)
			}
		}
		for key, fork := range d.forks {
			if key.group == group {
				state.Forks = append(state.Forks, fork)
			}
		}
		return nil
	})
	slices.SortFunc(state.Chains, func(a, b store.Chain) int { return a.Creator.Compare(b.Creator) })
	slices.SortFunc(state.Evidence, func(a, b store.Evidence) int { return a.A.Header.Creator.Compare(b.A.Header.Creator) })
	slices.SortFunc(state.Forks, func(a, b store.Fork) int { return a.A.Slot.Creator.Compare(b.A.Slot.Creator) })
	return state, err
}

func (d *data) chain(key chainKey, c chain) store.Chain {
	out := store.Chain{Creator: key.creator, Certified: c.certified, Delivered: c.delivered}
	if c.certified > 0 {
		out.Tip = d.slots[block.Slot{Group: key.group, Creator: key.creator, Height: c.certified}]
	}
	for slot, id := range d.votes {
		if keyOf(slot) != key || slot.Height <= c.certified {
			continue
		}
		if b, err := d.block(id); err != nil {
			out.Lost = append(out.Lost, store.LostVote{Height: slot.Height, Block: id, Err: err})
		} else {
			out.Votes = append(out.Votes, b)
		}
	}
	slices.SortFunc(out.Lost, func(a, b store.LostVote) int { return cmp.Compare(a.Height, b.Height) })
	slices.SortFunc(out.Votes, func(a, b block.Block) int { return a.Header.Slot().Compare(b.Header.Slot()) })
	return out
}

// block returns a stored block, checked.
func (d *data) block(id block.ID) (block.Block, error) {
	b, ok := d.blocks[id]
	if !ok {
		return block.Block{}, store.ErrNotFound
	}
	if err := d.broken[id]; err != nil {
		return block.Block{}, store.Corrupt(id, err)
	}
	if err := store.CheckHeader(id, b.Header); err != nil {
		return block.Block{}, err
	}
	return b, store.CheckBody(id, b)
}

// certified returns a certified block, checked. sequence is zero for other methods than List.
func (d *data) certified(id block.ID, slot block.Slot, sequence uint64) (store.Certified, error) {
	proof, ok := d.certificates[id]
	if !ok {
		return store.Certified{}, store.ErrNotFound
	}
	b, err := d.block(id)
	if err == nil {
		err = store.CheckCertificate(id, b.SignedHeader, proof)
	}
	if err != nil {
		return store.Certified{}, store.Locate(err, slot, sequence, &proof)
	}
	return store.Certified{Block: b, Certificate: proof}, nil
}

// Block returns a stored block; see store.Store.
func (s *Store) Block(ctx context.Context, id block.ID) (found block.Block, err error) {
	err = s.read(ctx, func(d *data) error {
		b, err := d.block(id)
		if proof, ok := d.certificates[id]; ok {
			err = store.Locate(err, block.Slot{}, 0, &proof)
		}
		if err == nil && b.Pruned() {
			return fmt.Errorf("block %s: %w", id.Short(), store.ErrPruned)
		}
		if err == nil {
			found = b
		}
		return err
	})
	return found, err
}

// Certified returns the certified block of a slot; see store.Store.
func (s *Store) Certified(ctx context.Context, slot block.Slot) (found store.Certified, err error) {
	err = s.read(ctx, func(d *data) error {
		id, ok := d.slots[slot]
		if !ok {
			return store.ErrNotFound
		}
		found, err = d.certified(id, slot, 0)
		return err
	})
	return found, err
}

// CertifiedByID returns a certified block; see store.Store.
func (s *Store) CertifiedByID(ctx context.Context, id block.ID) (found store.Certified, err error) {
	err = s.read(ctx, func(d *data) error {
		found, err = d.certified(id, block.Slot{}, 0)
		return err
	})
	return found, err
}

// CertifiedFrom returns consecutive blocks of a chain; see store.Store.
func (s *Store) CertifiedFrom(ctx context.Context, from block.Slot, count, limit int) ([]store.Certified, error) {
	var found []store.Certified
	err := s.read(ctx, func(d *data) error {
		total := 0
		for slot := from; len(found) < count; slot.Height++ {
			id, ok := d.slots[slot]
			if !ok {
				break
			}
			next, err := d.certified(id, slot, 0)
			if err != nil {
				return firstOnly(err, len(found))
			}
			if total += next.Bytes(); len(found) > 0 && total > limit {
				break
			}
			found = append(found, next)
		}
		return nil
	})
	return found, err
}

// firstOnly returns err if nothing was found before it. Otherwise the caller stops before the
// damaged block, and the next read reports it.
func firstOnly(err error, found int) error {
	if found > 0 {
		return nil
	}
	return err
}

// Groups returns the recorded groups; see store.Store.
func (s *Store) Groups(ctx context.Context) (groups []store.Group, err error) {
	err = s.read(ctx, func(d *data) error {
		for _, number := range slices.Sorted(maps.Keys(d.groups)) {
			groups = append(groups, d.groups[number])
		}
		return nil
	})
	return groups, err
}

// Close releases the disk, which keeps what was committed. A second Close has no effect.
func (s *Store) Close() error {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	if !s.closed {
		s.closed, s.disk.open = true, false
		s.disk.data.running = s.clock.Now()
	}
	return nil
}
