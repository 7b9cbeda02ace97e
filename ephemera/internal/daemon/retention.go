package daemon

import (
	"context"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// pruneBodies removes old bodies of blocks at an interval until ctx is done. It logs a failure and
// tries again at the next interval: old bodies only take space.
func (d *daemon) pruneBodies(ctx context.Context) error {
	s := d.Settings.Storage
	if s.KeepFor == 0 && s.KeepBlocks == 0 {
		return nil
	}
	ticker := time.NewTicker(time.Duration(s.Interval))
	defer ticker.Stop()
	for {
		now := time.Now()
		ttl, skew := time.Duration(d.Settings.Mempool.TTL), time.Duration(d.Settings.Mempool.Skew)
		r := store.Retention{
			Age: time.Duration(s.KeepFor), Keep: s.KeepBlocks, Messages: now.Add(-ttl).UnixMilli(), Remember: ttl + skew,
		}
		removed, err := d.home.Store.Prune(ctx, r)
		switch {
		case err != nil && ctx.Err() == nil:
			d.log.Error("removing old bodies of blocks failed", "err", err)
		case removed.Blocks > 0:
			d.log.Info("removed old bodies of blocks", "blocks", removed.Blocks, "bytes", removed.Bytes)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
