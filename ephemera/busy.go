package ephemera

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// StoreWaits returns why the store or the record of votes has taken no writes since some time,
// store.ErrBusy or store.ErrFull, or nil. Meanwhile the node signs nothing, and calls that need its
// state wait.
func (n *Node) StoreWaits() error {
	if waits := n.storeWaits.Load(); waits != nil {
		return *waits
	}
	return nil
}

// write commits writes. While the store takes none, all effects that follow the writes wait.
func (n *Node) write(ctx context.Context, writes []store.Write) error {
	return n.whileRefused(ctx, func() error { return n.config.Store.Commit(context.WithoutCancel(ctx), writes) })
}

// whileRefused repeats a write, to the store or to the record of votes, until another program no
// longer locks it and the disk has room, or ctx is done.
func (n *Node) whileRefused(ctx context.Context, write func() error) error {
	defer n.storeWaits.Store(nil)
	err := wait.Patience{Passes: refused, Report: n.reportStore}.Try(ctx, func() error {
		err := write()
		if refused(err) {
			n.storeWaits.Store(&err)
		}
		return err
	})
	if refused(err) {
		return fmt.Errorf("%w while waiting for the store: %w", ctx.Err(), err)
	}
	return err
}

// refused reports whether a write changed nothing and may be repeated.
func refused(err error) bool { return errors.Is(err, store.ErrBusy) || errors.Is(err, store.ErrFull) }

func (n *Node) reportStore(err error, waited time.Duration) {
	if err == nil {
		n.log.Info("store takes writes again", "waited", waited)
		return
	}
	n.log.Warn("waiting for the store: nothing is signed meanwhile", "err", err)
}
