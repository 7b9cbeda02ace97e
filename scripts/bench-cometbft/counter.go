package main

import (
	"context"
	"fmt"
	"sync"
)

// counter counts what one member has delivered. Its methods are safe for concurrent use.
type counter struct {
	mu      sync.Mutex
	count   int
	changed chan struct{} // closed and renewed at each change
}

func newCounter() *counter { return &counter{changed: make(chan struct{})} }

func (c *counter) add(count int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count += count
	close(c.changed)
	c.changed = make(chan struct{})
}

// await returns once the count is reached.
func (c *counter) await(ctx context.Context, count int) error {
	for {
		c.mu.Lock()
		have, changed := c.count, c.changed
		c.mu.Unlock()
		if have >= count {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("a member has delivered %d of %d: %w", have, count, ctx.Err())
		}
	}
}

// report returns the report of a member in a round.
func report(member, number int) []byte {
	text := fmt.Appendf(make([]byte, 0, reportBytes), "report %d of member %d ", number, member)
	for len(text) < reportBytes {
		text = append(text, 'x')
	}
	return text
}
