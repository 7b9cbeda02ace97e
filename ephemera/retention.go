package ephemera

import (
	"context"
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// runRetention removes the messages of old blocks from time to time. It retries after an error: no
// guarantee depends on it.
func (n *Node) runRetention(ctx context.Context) error {
	if !n.config.Retention.removes() {
		return nil
	}
	ticker := time.NewTicker(n.config.Retention.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		pruned, err := n.config.Store.Prune(ctx, n.config.Retention.at(n.clock.wallTime(), n.config.Mempool))
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			n.log.Error("removing old messages failed", "err", err)
		case pruned.Blocks > 0:
			n.log.Info("removed the messages of old blocks", "blocks", pruned.Blocks, "bytes", pruned.Bytes)
		}
	}
}

// at returns what to remove at a time in milliseconds since 1970. The IDs of removed messages stay
// known for as long as a mempool would admit the messages.
func (r Retention) at(now int64, limits mempool.Limits) store.Retention {
	limits = limits.WithDefaults()
	return store.Retention{Age: r.Age, Keep: r.Blocks, Messages: oldest(now, limits), Remember: limits.TTL + limits.Skew}
}

// oldest returns the signed time of the oldest message that a mempool admits.
func oldest(now int64, limits mempool.Limits) int64 {
	return max(0, now-limits.WithDefaults().TTL.Milliseconds())
}

// included returns the messages that are in certified blocks already, are signed since a time, and
// that a mempool would otherwise accept: with mempool.All those of this member's blocks. If the
// store has forgotten some of them, it returns those of a later time, since which none is missing.
func (n *Node) included(ctx context.Context, since int64) (int64, []store.Included, error) {
	included, err := n.config.Store.Included(ctx, since)
	var forgotten int64
	if err == nil { // in this order: what is forgotten meanwhile counts as forgotten
		forgotten, err = n.config.Store.Forgotten(ctx)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("load the messages of certified blocks: %w", err)
	}
	since = max(since, forgotten+1)
	if n.config.Include != mempool.All {
		return since, included, nil
	}
	own := included[:0]
	for _, m := range included {
		if m.Own {
			own = append(own, m)
		}
	}
	return since, own, nil
}
