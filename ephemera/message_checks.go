package ephemera

import (
	"context"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
)

const (
	// messageCheckers is how many messages of other members the application is asked about at a time.
	messageCheckers = 8
	// answerWithin is when the context of a question about a message ends.
	answerWithin = 10 * time.Second
)

// checks is the queue of questions about messages of other members. The engine bounds it: it asks
// about what its mempool has room for, and about each message once at a time. So neither the loop
// nor a transport waits for the application. Put and take are safe for concurrent use.
type checks struct {
	mu      sync.Mutex
	waiting []block.Message
	some    chan struct{} // with capacity 1: signals that messages wait
}

func newChecks() *checks { return &checks{some: make(chan struct{}, 1)} }

func (q *checks) put(m block.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, m)
	wake(q.some)
}

// take removes the oldest message. It returns false if none waits.
func (q *checks) take() (block.Message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.waiting = nil
		return block.Message{}, false
	}
	m := q.waiting[0]
	q.waiting[0], q.waiting = block.Message{}, q.waiting[1:]
	if len(q.waiting) > 0 {
		wake(q.some) // another checker may be idle
	}
	return m, true
}

// runChecker asks the application about one message at a time.
func (n *Node) runChecker(ctx context.Context) error {
	for ctx.Err() == nil {
		m, ok := n.checks.take()
		if !ok {
			select {
			case <-ctx.Done():
			case <-n.checks.some:
			}
			continue
		}
		d, err := n.checkMessage(ctx, m)
		if err != nil {
			return err
		}
		if !d.IsAccept() {
			n.log.Debug("message kept out", "message", m.ID().String(), "verdict", d.String())
		}
		n.post(ctx, engine.MessageChecked{ID: m.ID(), Decision: d})
	}
	return nil
}

// askAbout has a message of another member checked. One whose sender is unknown is refused at once.
// The engine forgets that when the group changes, and the sender may be known.
func (l *loop) askAbout(m block.Message) {
	if l.maySend(l.view.Load(), m.Sender()) {
		l.checks.put(m)
		return
	}
	l.strangers.Add(1)
	l.queue = append(l.queue, engine.MessageChecked{ID: m.ID(), Decision: Reject(ErrUnknownSender.Error())})
}
