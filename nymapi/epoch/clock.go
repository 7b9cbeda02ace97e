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

// ErrDescription reports a description that is not what the contract announced, or not of the
// contract that we belong to.
var ErrDescription = errors.New("description refused")

// Contract is what is asked of the contract: a client.Client.
type Contract interface {
	// Epoch returns the newest epoch.
	Epoch(ctx context.Context) (contract.CurrentEpoch, error)
	// Epochs lists at most limit epochs with numbers up to from (0: the newest), newest first.
	Epochs(ctx context.Context, from contract.Epoch, limit int) ([]contract.EpochSummary, error)
	// EpochDetail returns one epoch with its description.
	EpochDetail(ctx context.Context, id contract.Epoch) (contract.EpochDetail, error)
}

// Keeper keeps descriptions across restarts.
type Keeper interface {
	// Descriptions returns those that were kept, in any order.
	Descriptions(ctx context.Context) ([]contract.Description, error)
	// KeepDescription keeps one durably. Those of epochs before oldest may be dropped.
	KeepDescription(ctx context.Context, d contract.Description, oldest contract.Epoch) error
}

// Config is what a Clock needs.
type Config struct {
	Contract Contract
	Keeper   Keeper
	// Check refuses descriptions of another contract or group; nil refuses none.
	Check  func(contract.Description) error
	Logger *slog.Logger
}

// Clock follows the contract. Its methods are safe for concurrent use; Run is called once.
type Clock struct {
	config Config
	base   time.Time     // of the monotonic clock
	poke   chan struct{} // holds one wish to ask at once

	mu      sync.Mutex // over what follows
	offset  offset
	book    book
	listed  contract.Epoch // the newest epoch when the contract's epochs were listed last
	changed chan struct{}  // closed and replaced at every change
	synced  bool           // the contract was asked for everything once
	away    bool           // the contract did not answer last time
}

// Open returns a clock that knows the descriptions that were kept.
func Open(ctx context.Context, config Config) (*Clock, error) {
	kept, err := config.Keeper.Descriptions(ctx)
	if err != nil {
		return nil, fmt.Errorf("load descriptions: %w", err)
	}
	c := &Clock{config: config, base: time.Now(), poke: make(chan struct{}, 1), changed: make(chan struct{})}
	slices.SortFunc(kept, func(a, b contract.Description) int { return int(int64(a.Epoch) - int64(b.Epoch)) })
	for _, d := range kept {
		c.book.add(d, d.Hash())
	}
	return c, nil
}

// Now returns the contract's time, and false until the contract has told everything that is new
// since the last run: before that, epochs that were settled long ago look open.
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
	return slices.Clone(c.book.entries)
}

// Description returns the description of that hash, if it is among those of Epochs.
func (c *Clock) Description(hash contract.Hash) (contract.Description, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.book.byHash(hash)
}

// Want asks for an epoch that a block names and that is not known. Changed tells when it is.
func (c *Clock) Want(id contract.Epoch) {
	c.mu.Lock()
	wanted := c.book.want(id)
	c.mu.Unlock()
	if wanted {
		c.Poke()
	}
}

// Poke makes the clock ask the contract at once, because it may have news. It never blocks.
func (c *Clock) Poke() {
	select {
	case c.poke <- struct{}{}:
	default: // it is about to ask
	}
}

// Changed returns a channel that is closed when something new is known: the time for the first
// time, an epoch, how one ended.
func (c *Clock) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Away tells whether the contract left the last question unanswered.
func (c *Clock) Away() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away
}

// announce tells those who wait for Changed. The caller holds the mutex.
func (c *Clock) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}
