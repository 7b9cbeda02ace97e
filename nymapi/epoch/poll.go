package epoch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// Pauses between requests to the contract.
const (
	pollLeast = 20 * time.Millisecond // at least
	pollMost  = time.Minute
	pollFirst = 250 * time.Millisecond // while no epoch is known
	retryMost = 5 * time.Second        // at most, after an error
)

// Run polls the contract until ctx is done, and then returns nil. It returns an error if a
// description cannot be stored.
func (c *Clock) Run(ctx context.Context) error {
	retry := pollLeast
	for {
		err := c.poll(ctx)
		if ctx.Err() != nil {
			return nil
		}
		var broken *keepError
		if errors.As(err, &broken) {
			return broken.err
		}
		c.report(ctx, err)
		pause := c.pause()
		if err != nil {
			pause, retry = retry, min(2*retry, retryMost)
		} else {
			retry = pollLeast
		}
		if !c.wait(ctx, pause) {
			return nil
		}
	}
}

// wait waits until the pause ends or Poke is called, but at least pollLeast. It returns false if
// ctx is done.
func (c *Clock) wait(ctx context.Context, pause time.Duration) bool {
	least, most := time.NewTimer(pollLeast), time.NewTimer(pause)
	defer least.Stop()
	defer most.Stop()
	select {
	case <-most.C:
	case <-c.poke:
	case <-ctx.Done():
		return false
	}
	select {
	case <-least.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// pause returns the time until the next poll. It is a quarter of an epoch, but ends with the newest
// epoch. It is a twentieth of an epoch while an epoch is over but not settled, or the newest is
// over and its successor unknown.
func (c *Clock) pause() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, _ := c.offset.at(c.elapsed())
	newest, ok := c.history.newest()
	if !ok {
		return pollFirst
	}
	d := newest.Description
	duration := d.End.Sub(d.Start)
	if newest.Over(now) || c.history.unsure(now, d.Epoch, d.Epoch) != 0 {
		return min(max(duration/20, pollLeast), time.Second)
	}
	pause := min(max(duration/4, pollLeast), pollMost)
	if left := d.End.Sub(now); left > 0 {
		pause = min(pause, left+time.Millisecond)
	}
	return pause
}

// report logs once when the contract becomes unavailable, and once when it is available again.
func (c *Clock) report(ctx context.Context, err error) {
	if errors.Is(err, contract.NotStarted) {
		err = nil
	}
	c.mu.Lock()
	was := c.away
	c.away = err != nil
	c.mu.Unlock()
	switch {
	case errors.Is(err, ErrDescription) && !was:
		c.config.Logger.ErrorContext(ctx, "the contract's description of an epoch is refused: nothing is reported about the epoch", "err", err)
	case err != nil && !was:
		c.config.Logger.WarnContext(ctx, "contract unavailable, retrying until it responds", "err", err)
	case err == nil && was:
		c.config.Logger.InfoContext(ctx, "contract available again")
	}
}

// keepError is an error of the Store.
type keepError struct{ err error }

func (e *keepError) Error() string { return e.err.Error() }

func (c *Clock) poll(ctx context.Context) error {
	sent := c.elapsed()
	current, err := c.config.Contract.Epoch(ctx)
	if err != nil {
		return fmt.Errorf("fetch the current epoch: %w", err)
	}
	c.mu.Lock()
	c.offset.add(sent, c.elapsed(), current.ServerTime)
	c.mu.Unlock()
	if !c.knows(current.Description) {
		if err := c.learn(ctx, current.ID, &current.Description); err != nil {
			return err
		}
	}
	if err := c.catchUp(ctx, current.ID); err != nil {
		return err
	}
	for _, id := range c.takeWanted() {
		if err := c.learn(ctx, id, nil); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.synced {
		c.synced = true
		c.announce()
	}
	return nil
}

// knows reports whether a description is known, or known to differ from an earlier one.
func (c *Clock) knows(hash contract.Hash) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.history.byHash(hash)
	return known || c.second.hash == hash
}

// contradicts reports whether another description of the epoch is known, which stays. It logs the
// first one that differs in an epoch.
func (c *Clock) contradicts(ctx context.Context, id contract.Epoch, hash contract.Hash) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, known := c.history.find(id)
	if !known || c.history.entries[i].Hash == hash {
		return false
	}
	if c.second.epoch != id {
		c.config.Logger.ErrorContext(ctx, "the contract describes an epoch again, and differently: its database is probably an older copy",
			"epoch", id, "first", c.history.entries[i].Hash.Short(), "second", hash.Short())
	}
	c.second = second{epoch: id, hash: hash}
	return true
}

// catchUp learns how open epochs ended, and the descriptions of open epochs that began since the
// last poll.
func (c *Clock) catchUp(ctx context.Context, newest contract.Epoch) error {
	c.mu.Lock()
	c.history.trim(newest)
	now, _ := c.offset.at(c.elapsed())
	lowest := c.history.unsure(now, newest, c.listed)
	c.mu.Unlock()
	if lowest == 0 || lowest > newest {
		return nil
	}
	list, err := c.config.Contract.Epochs(ctx, 0, int(min(newest-lowest+1, maxHistory)))
	if err != nil {
		return fmt.Errorf("list epochs: %w", err)
	}
	for _, summary := range list {
		if err := c.take(ctx, summary); err != nil {
			return err
		}
	}
	c.mu.Lock()
	c.listed = newest
	c.mu.Unlock()
	return nil
}

func (c *Clock) take(ctx context.Context, summary contract.EpochSummary) error {
	c.mu.Lock()
	_, known := c.history.find(summary.ID)
	if known && c.history.settle(summary) {
		c.announce()
	}
	c.mu.Unlock()
	if known || summary.Status != contract.StatusOpen {
		return nil
	}
	return c.learn(ctx, summary.ID, nil)
}

// learn fetches an epoch's description, checks it, stores it and announces it. Want is the
// announced hash, nil if it is unknown.
func (c *Clock) learn(ctx context.Context, id contract.Epoch, want *contract.Hash) error {
	detail, err := c.config.Contract.EpochDetail(ctx, id)
	if err != nil {
		return fmt.Errorf("fetch epoch %d: %w", id, err)
	}
	d, hash := detail.Description, detail.Description.Hash()
	if d.Epoch != id || want != nil && *want != hash {
		return fmt.Errorf("%w: the contract serves another description of epoch %d than it announced, %s", ErrDescription, id, hash.Short())
	}
	if c.config.Check != nil {
		if err := c.config.Check(d); err != nil {
			return fmt.Errorf("%w: epoch %d: %w", ErrDescription, id, err)
		}
	}
	if c.contradicts(ctx, id, hash) {
		return nil
	}
	if err := c.follows(ctx, d); err != nil {
		return fmt.Errorf("check epoch %d: %w", id, err)
	}
	oldest := contract.Epoch(1)
	if id > maxHistory {
		oldest = id - maxHistory
	}
	if err := c.config.Store.KeepDescription(ctx, d, oldest); err != nil {
		return &keepError{fmt.Errorf("store description of epoch %d: %w", id, err)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.history.add(d, hash) {
		c.history.settle(detail.EpochSummary)
		c.announce()
	}
	return nil
}

// takeWanted returns and clears the requested epochs. If one cannot be fetched, the caller of Want
// has to request it again.
func (c *Clock) takeWanted() []contract.Epoch {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := make([]contract.Epoch, 0, len(c.history.wanted))
	for id := range c.history.wanted {
		ids = append(ids, id)
	}
	clear(c.history.wanted)
	return ids
}
