package ephemera

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
)

// task is one call to the application.
type task struct {
	kind     taskKind
	slot     block.Slot       // of the block
	block    block.Block      // to be checked
	held     *store.Certified // to be delivered; if nil, read it from the store
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

// tasks is the queue of calls to the application, at most one of each kind and chain. The
// application works on it while the loop makes its earlier answers durable, so that answers share
// commits. Put and take are safe for concurrent use.
type tasks struct {
	mu      sync.Mutex
	waiting []task
	some    chan struct{} // with capacity 1: signals that a task was put
}

func newTasks() *tasks { return &tasks{some: make(chan struct{}, 1)} }

// put adds a task. It replaces a waiting task of the same kind and chain, which is obsolete.
func (q *tasks) put(t task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer wake(q.some)
	for i, other := range q.waiting {
		if other.kind == t.kind && other.slot.Group == t.slot.Group && other.slot.Creator == t.slot.Creator {
			q.waiting[i] = t
			return
		}
	}
	q.waiting = append(q.waiting, t)
}

// take removes the oldest task. It returns false if the queue is empty.
func (q *tasks) take() (task, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return task{}, false
	}
	t := q.waiting[0]
	q.waiting = slices.Delete(q.waiting, 0, 1)
	return t, true
}

// runApplication calls the application for one task at a time.
func (n *Node) runApplication(ctx context.Context) error {
	for ctx.Err() == nil {
		t, ok := n.tasks.take()
		if !ok {
			select {
			case <-ctx.Done():
			case <-n.tasks.some:
			}
			continue
		}
		event, err := n.askApplication(ctx, t)
		if err != nil {
			return err
		}
		if event != nil {
			n.post(ctx, event)
		}
	}
	return nil
}

func (n *Node) askApplication(ctx context.Context, t task) (event engine.Event, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicked(r)
		}
	}()
	switch t.kind {
	case nextBlock:
		return engine.Chosen{IDs: n.app.NextBlock(ctx, t.turn)}, nil
	case checkBlock:
		d := n.app.CheckBlock(ctx, t.block)
		if d.IsZero() {
			return nil, unanswered("CheckBlock")
		}
		return engine.Verdict{Slot: t.slot, Block: t.block.ID(), Decision: d}, nil
	case observeEquivocation:
		if observer, ok := n.app.(EquivocationObserver); ok {
			observer.ObserveEquivocation(ctx, t.evidence)
		}
		return nil, nil
	default:
		return engine.Delivered{Slot: t.slot, OK: n.deliver(ctx, t)}, nil
	}
}

// checkMessage asks the application about a message, and counts those that it does not accept. An
// error ends Run.
func (n *Node) checkMessage(ctx context.Context, m block.Message) (d Decision, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = panicked(r)
		}
		if err != nil {
			select {
			case n.broken <- err:
			default: // Run is already ending
			}
		}
	}()
	if d = n.app.CheckMessage(ctx, m); d.IsZero() {
		return d, unanswered("CheckMessage")
	}
	if !d.IsAccept() {
		n.refused.Add(1)
	}
	return d, nil
}

func panicked(reason any) error { return fmt.Errorf("application panicked: %v", reason) }

// unanswered reports that a method of the application returned the zero Decision.
func unanswered(method string) error {
	return fmt.Errorf("application answered %s with the %w", method, verdict.ErrZero)
}

func (n *Node) deliver(ctx context.Context, t task) bool {
	held, err := n.toDeliver(ctx, t)
	if errors.Is(err, store.ErrCorrupt) {
		return false // it is fetched again, and delivered then
	}
	if err != nil {
		n.log.Error("reading a certified block for delivery failed", "slot", t.slot.String(), "err", err)
		return false
	}
	err = n.app.DeliverBlock(ctx, held.Block, held.Certificate)
	if err == nil {
		n.undelivered.delivered(t.slot)
		n.noteTime(held.Block.ID(), func(t *Times) *int64 { return &t.Delivered })
	} else if !errors.Is(err, context.Canceled) {
		n.log.Error("application did not accept a block; delivering it again", "slot", t.slot.String(), "err", err)
	}
	return err == nil
}

// toDeliver returns the block of a delivery. If it has to be read, the next ones of its chain are
// read with it.
func (n *Node) toDeliver(ctx context.Context, t task) (store.Certified, error) {
	if t.held != nil {
		return *t.held, nil
	}
	if kept, ok := n.undelivered.next(t.slot); ok {
		return kept, nil
	}
	found, err := n.config.Store.CertifiedFrom(ctx, t.slot, readAhead, n.undelivered.share)
	if err != nil {
		return store.Certified{}, err
	}
	if len(found) == 0 {
		return store.Certified{}, store.ErrNotFound
	}
	n.undelivered.keep(found)
	return found[0], nil
}
