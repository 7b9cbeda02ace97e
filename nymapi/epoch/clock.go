package epoch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// ErrDescription reports a description that is not the announced one, that Config.Check rejects, or
// that does not follow from the epochs before it.
var ErrDescription = errors.New("description rejected")

// Contract is the part of client.Client that a Clock uses.
type Contract interface {
	// Epoch returns the newest epoch.
	Epoch(ctx context.Context) (contract.CurrentEpoch, error)
	// Epochs returns at most limit epochs with numbers up to from, newest first. A from of 0 means the
	// newest epoch.
	Epochs(ctx context.Context, from contract.Epoch, limit int) ([]contract.EpochSummary, error)
	// EpochDetail returns one epoch with its description.
	EpochDetail(ctx context.Context, id contract.Epoch) (contract.EpochDetail, error)
}

// Store keeps descriptions across restarts.
type Store interface {
	// Descriptions returns the stored descriptions in any order.
	Descriptions(ctx context.Context) ([]contract.Description, error)
	// KeepDescription stores a description durably. Those of epochs before oldest may be dropped.
	KeepDescription(ctx context.Context, d contract.Description, oldest contract.Epoch) error
}

// Config is what a Clock needs.
type Config struct {
	Contract Contract
	Store    Store
	// Check returns an error for a description of another contract or group. Nil accepts all.
	Check func(contract.Description) error
	// Core returns the core of a settled epoch, to check what descriptions state about the epochs
	// before them. Nil accepts what they state.
	Core func(ctx context.Context, id contract.Epoch) (contract.Core, error)
	// AcceptHistory accepts the first description that does not follow from the epochs before, as
	// after a contract lost its memory.
	AcceptHistory bool
	Logger        *slog.Logger
}

// Clock follows the contract. Its methods are safe for concurrent use; Run is called once.
type Clock struct {
	config Config
	base   time.Time     // start of the monotonic clock
	poke   chan struct{} // holds one request to poll at once
	// reached is the state up to which cores were checked last. Only Run uses it.
	reached contract.State
	// accepted says that Config.AcceptHistory has been used. Only Run uses it.
	accepted bool

	mu      sync.Mutex // guards the fields below
	offset  offset
	history history
	listed  contract.Epoch // the newest epoch of the last list of epochs
	changed chan struct{}  // closed and replaced at every change
	synced  bool           // everything was fetched from the contract once
	away    bool           // the last request to the contract failed
	second  second
}

// second is the newest description that differs from an earlier one of the same epoch.
type second struct {
	epoch contract.Epoch
	hash  contract.Hash
}

// Open returns a clock that knows the stored descriptions.
func Open(ctx context.Context, config Config) (*Clock, error) {
	kept, err := config.Store.Descriptions(ctx)
	if err != nil {
		return nil, fmt.Errorf("load descriptions: %w", err)
	}
	c := &Clock{config: config, base: time.Now(), poke: make(chan struct{}, 1), changed: make(chan struct{})}
	slices.SortFunc(kept, func(a, b contract.Description) int { return int(int64(a.Epoch) - int64(b.Epoch)) })
	for _, d := range kept {
		c.history.add(d, d.Hash())
	}
	return c, nil
}

// Now returns the contract's time, and false until everything that is new since the last run was
// fetched from the contract: before that, epochs that were settled long ago look open.
func (c *Clock) Now() (contract.Millis, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, known := c.offset.at(c.elapsed())
	return now, known && c.synced
}

func (c *Clock) elapsed() time.Duration { return time.Since(c.base) }

// Epochs returns the newest epochs that are known, in ascending order.
func (c *Clock) Epochs() []Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.history.entries)
}

// Description returns the description with that hash, if it is among those of Epochs.
func (c *Clock) Description(hash contract.Hash) (contract.Description, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.history.byHash(hash)
}

// Want requests an unknown epoch that a block is about. The channel of Changed is closed when the
// epoch is known.
func (c *Clock) Want(id contract.Epoch) {
	c.mu.Lock()
	wanted := c.history.want(id)
	c.mu.Unlock()
	if wanted {
		c.Poke()
	}
}

// Poke makes the clock poll the contract at once, because something may have changed. It never
// blocks.
func (c *Clock) Poke() {
	select {
	case c.poke <- struct{}{}:
	default: // a poll is already due
	}
}

// Changed returns a channel that is closed at the next change: the time becomes known, an epoch
// becomes known, or an epoch is settled.
func (c *Clock) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Away reports whether the last request to the contract failed.
func (c *Clock) Away() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away
}

// announce wakes the callers of Changed. The caller must hold the mutex.
func (c *Clock) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}
