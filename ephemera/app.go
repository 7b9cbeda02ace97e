package ephemera

import (
	"context"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// task is one question to the application.
type task struct {
	kind     taskKind
	slot     block.Slot       // of the block
	block    block.Block      // to be checked
	held     *store.Certified // to be delivered, nil: it is in the store
	evidence store.Evidence   // found
	turn     Turn             // for the next block
}

type taskKind uint8

const (
	nextBlock taskKind = iota
	checkBlock
	deliverBlock
	observeEquivocation
)

// runApplication asks the application one question at a time.
func (n *Node) runApplication(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case t := <-n.tasks:
			event, err := n.askApplication(ctx, t)
			if err != nil {
				return err
			}
			if event != nil {
				n.post(ctx, event)
			}
		}
	}
}

func (n *Node) askApplication(ctx context.Context, t task) (event engine.Event, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("application panicked: %v", r)
		}
	}()
	switch t.kind {
	case nextBlock:
		return engine.Chosen{IDs: n.app.NextBlock(ctx, t.turn)}, nil
	case checkBlock:
		d := n.app.CheckBlock(ctx, t.block)
		answer := map[Verdict]broadcast.Answer{Accept: broadcast.Accept, Reject: broadcast.Reject}[d.Verdict] // anything else: later
		return engine.Verdict{Slot: t.slot, Block: t.block.ID(), Answer: answer, Reason: d.Reason, Drop: d.Drop}, nil
	case observeEquivocation:
		if observer, ok := n.app.(EquivocationObserver); ok {
			observer.ObserveEquivocation(ctx, t.evidence)
		}
		return nil, nil
	default:
		return engine.Delivered{Slot: t.slot, OK: n.deliver(ctx, t)}, nil
	}
}

func (n *Node) deliver(ctx context.Context, t task) bool {
	held := t.held
	if kept, ok := n.undelivered.Get(t.slot); ok && held == nil {
		held = &kept
	}
	if held == nil {
		stored, err := n.config.Store.Certified(ctx, t.slot)
		if err != nil {
			n.log.Error("read a certified block for delivery", "slot", t.slot.String(), "err", err)
			return false
		}
		held = &stored
	}
	err := n.app.DeliverBlock(ctx, held.Block, held.Certificate)
	if err == nil {
		n.undelivered.Remove(t.slot)
		n.noteTime(held.Block.ID(), func(t *Times) *int64 { return &t.Delivered })
	} else if !errors.Is(err, context.Canceled) {
		n.log.Error("application did not take a block; it comes again", "slot", t.slot.String(), "err", err)
	}
	return err == nil
}
