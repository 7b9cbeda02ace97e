package sqlite

import (
	"context"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/uptime"
)

// Clock returns the running time that Store.Prune counts by. It is for package storetest.
func (s *Store) Clock() *uptime.Clock { return s.clock }

// loadRunning continues from the durable running time or, if it is later, from that of the newest
// certified block or body.
func (s *Store) loadRunning() error {
	var saved int64
	err := s.writer.Get(&saved, `
		SELECT max(milliseconds,
			coalesce((SELECT arrived FROM certificates ORDER BY sequence DESC LIMIT 1), 0),
			coalesce((SELECT arrived FROM bodies ORDER BY body DESC LIMIT 1), 0)) FROM running`)
	if err != nil {
		return fmt.Errorf("read running time: %w", err)
	}
	s.clock = uptime.New(saved)
	return nil
}

// saveRunning makes the running time durable if that is due.
func (s *Store) saveRunning(ctx context.Context) error {
	now, due := s.clock.Due()
	if !due {
		return nil
	}
	if _, err := s.writer.ExecContext(ctx, saveRunning, now); err != nil {
		return fmt.Errorf("save running time: %w", err)
	}
	s.clock.Saved(now)
	return nil
}
