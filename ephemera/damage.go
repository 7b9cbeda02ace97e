package ephemera

import (
	"context"
	"errors"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Damage says what the node has found damaged in its store since the start.
type Damage struct {
	Reads    uint64 // reads that found a damaged block, or a damaged vote at the start
	Blocks   int    // damaged blocks that were not written again yet
	Repaired uint64 // blocks that were fetched from other members and written again
}

// Damage returns what the node has found damaged in its store.
func (n *Node) Damage() Damage { return n.damage.count() }

// rememberedDamage bounds the damaged blocks that are remembered, and the reports that wait for the
// loop. A block that is forgotten is reported again by its next read.
const rememberedDamage = 256

// damageReminder is how long the log does not repeat that a block is damaged.
const damageReminder = time.Minute

// damage collects what reads of the store find damaged. It is safe for concurrent use.
type damage struct {
	node  *Node
	found chan engine.Damaged // for the loop

	mu     sync.Mutex
	open   *lru.Cache[block.ID, time.Time] // damaged blocks -> when last logged
	lines  *rate.Limiter                   // of the log
	totals Damage
}

func newDamage(n *Node) *damage {
	open, _ := lru.New[block.ID, time.Time](rememberedDamage) // its size is positive
	return &damage{
		node: n, found: make(chan engine.Damaged, rememberedDamage), open: open,
		lines: rate.NewLimiter(rate.Every(time.Second), 10),
	}
}

func (d *damage) count() Damage {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.totals.Blocks = d.open.Len()
	return d.totals
}

// note logs and counts a damaged block if err is about one, and has it fetched again.
func (d *damage) note(err error) {
	var damaged *store.CorruptError
	if !errors.As(err, &damaged) {
		return
	}
	if d.isNews(damaged.Block) {
		d.node.log.Error("stored block is damaged; it is not served, and fetched again if other members hold it",
			"block", damaged.Block.String(), "slot", damaged.Slot.String(), "err", damaged.Err)
	}
	select {
	case d.found <- engine.Damaged{Slot: damaged.Slot, Block: damaged.Block, Certificate: damaged.Certificate}:
	default: // the next read reports it again
	}
}

// isNews counts a damaged block and reports whether to log it.
func (d *damage) isNews(id block.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.totals.Reads++
	logged, known := d.open.Get(id)
	news := (!known || time.Since(logged) >= damageReminder) && d.lines.Allow()
	if news {
		logged = time.Now()
	}
	d.open.Add(id, logged)
	return news
}

// repaired notes that a block was written again.
func (d *damage) repaired(b block.Block) {
	id := b.ID()
	d.mu.Lock()
	d.open.Remove(id)
	d.totals.Repaired++
	d.mu.Unlock()
	d.node.log.Info("damaged block fetched from another member and stored again", "block", id.String(), "slot", b.Header.Slot().String())
}

// watchedStore is the node's store. It reports every damaged block that any caller reads through
// it.
type watchedStore struct {
	store.Store
	damage *damage
}

// Load implements store.Store.
func (s watchedStore) Load(ctx context.Context, group membership.ID) (store.State, error) {
	state, err := s.Store.Load(ctx, group)
	s.damage.note(err)
	return state, err
}

// Block implements store.Store.
func (s watchedStore) Block(ctx context.Context, id block.ID) (block.Block, error) {
	b, err := s.Store.Block(ctx, id)
	s.damage.note(err)
	return b, err
}

// Certified implements store.Store.
func (s watchedStore) Certified(ctx context.Context, slot block.Slot) (store.Certified, error) {
	c, err := s.Store.Certified(ctx, slot)
	s.damage.note(err)
	return c, err
}

// Header implements store.Store.
func (s watchedStore) Header(ctx context.Context, slot block.Slot) (block.SignedHeader, error) {
	signed, err := s.Store.Header(ctx, slot)
	s.damage.note(err)
	return signed, err
}

// CertifiedByID implements store.Store.
func (s watchedStore) CertifiedByID(ctx context.Context, id block.ID) (store.Certified, error) {
	c, err := s.Store.CertifiedByID(ctx, id)
	s.damage.note(err)
	return c, err
}

// CertifiedFrom implements store.Store.
func (s watchedStore) CertifiedFrom(ctx context.Context, from block.Slot, count, bytes int) ([]store.Certified, error) {
	found, err := s.Store.CertifiedFrom(ctx, from, count, bytes)
	s.damage.note(err)
	return found, err
}

// List implements store.Store.
func (s watchedStore) List(ctx context.Context, after uint64, creator keys.Public, count, bytes int) ([]store.Entry, error) {
	found, err := s.Store.List(ctx, after, creator, count, bytes)
	s.damage.note(err)
	return found, err
}
