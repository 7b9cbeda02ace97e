// Package uptime counts for how long a store has been open, summed over all runs of its node.
// Retention by age counts this time: no clock of another member has a part in it, and neither a
// jump of the machine's wall clock nor the time for which the node was stopped changes it.
package uptime

import (
	"sync"
	"time"
)

// Interval is how much running time a crash may lose: a store makes the time durable with the first
// commit or Prune after it, and when it is closed.
const Interval = time.Minute

// Clock is the running time of one store, in milliseconds. It never runs backwards. Its methods are
// safe for concurrent use.
type Clock struct {
	opened time.Time // only its monotonic reading counts

	mu     sync.Mutex
	before int64 // the running time when the store was opened
	saved  int64 // the durable running time
}

// New returns the clock of a store that is opened now, given its durable running time.
func New(saved int64) *Clock {
	return &Clock{opened: time.Now(), before: saved, saved: saved}
}

// Now returns the running time.
func (c *Clock) Now() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() int64 { return c.before + time.Since(c.opened).Milliseconds() }

// Due returns the running time, and whether to make it durable now.
func (c *Clock) Due() (now int64, due bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now = c.now()
	return now, now-c.saved >= Interval.Milliseconds()
}

// Saved records that a running time is durable.
func (c *Clock) Saved(at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved = max(c.saved, at)
}

// Advance lets a test continue as if the store had been open for longer.
func (c *Clock) Advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before += by.Milliseconds()
}
