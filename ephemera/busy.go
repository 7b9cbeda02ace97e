package ephemera

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

const (
	firstPause   = 50 * time.Millisecond // before a commit that wrote nothing is repeated
	longestPause = 2 * time.Second
	waitingEvery = time.Minute // log lines about a wait
)

// StoreWaits returns why the store has taken no writes since some time, store.ErrBusy or
// store.ErrFull, or nil. Meanwhile the node signs nothing, and calls wait that need its state.
func (n *Node) StoreWaits() error {
	if waits := n.storeWaits.Load(); waits != nil {
		return *waits
	}
	return nil
}

// write commits writes. While another program has locked the store, or the disk is full, it repeats
// the commit, so that all effects that follow the writes wait, until ctx is done.
func (n *Node) write(ctx context.Context, writes []store.Write) error {
	began := time.Now()
	var logged time.Time
	defer n.storeWaits.Store(nil)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := n.config.Store.Commit(context.WithoutCancel(ctx), writes)
		if !errors.Is(err, store.ErrBusy) && !errors.Is(err, store.ErrFull) {
			if err == nil && !logged.IsZero() {
				n.log.Info("store takes writes again", "waited", time.Since(began).Round(time.Millisecond))
			}
			return err
		}
		n.storeWaits.Store(&err)
		if time.Since(logged) >= waitingEvery {
			n.log.Warn("waiting for the store: nothing is signed meanwhile", "err", err)
			logged = time.Now()
		}
		rest(ctx, pause)
		if ctx.Err() != nil {
			return fmt.Errorf("%w while waiting for the store: %w", ctx.Err(), err)
		}
	}
}
