package ephemera

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
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
	defer n.storeWaits.Store(nil)
	err := wait.Patience{Passes: storeMayRecover, Report: n.reportStore}.Try(ctx, func() error {
		err := n.config.Store.Commit(context.WithoutCancel(ctx), writes)
		if storeMayRecover(err) {
			n.storeWaits.Store(&err)
		}
		return err
	})
	if storeMayRecover(err) {
		return fmt.Errorf("%w while waiting for the store: %w", ctx.Err(), err)
	}
	return err
}

// storeMayRecover reports whether a commit that failed with this error may succeed later.
func storeMayRecover(err error) bool {
	return errors.Is(err, store.ErrBusy) || errors.Is(err, store.ErrFull)
}

func (n *Node) reportStore(err error, waited time.Duration) {
	if err == nil {
		n.log.Info("store takes writes again", "waited", waited)
		return
	}
	n.log.Warn("waiting for the store: nothing is signed meanwhile", "err", err)
}
