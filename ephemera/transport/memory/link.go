package memory

import (
	"context"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// link is what arrives from one peer: the state of the connection and a bounded queue.
type link struct {
	peer  keys.Public
	limit int
	wake  chan struct{} // buffered by one: something changed

	mu      sync.Mutex
	up      bool
	changes uint64 // counts the times that up changed
	queue   []item
}

// item is a frame under way. A rumour goes to Receiver.Gossip.
type item struct {
	data   []byte
	due    time.Time
	rumour *rumour
}

func newLink(peer keys.Public, limit int) *link {
	return &link{peer: peer, limit: limit, wake: make(chan struct{}, 1)}
}

func (l *link) notify() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// set connects or disconnects. What is under way on a connection that ends is lost.
func (l *link) set(up bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.up == up {
		return
	}
	l.up, l.queue = up, nil
	l.changes++
	l.notify()
}

func (l *link) push(i item) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.up || len(l.queue) >= l.limit {
		return false
	}
	l.queue = append(l.queue, i)
	l.notify()
	return true
}

// next returns the connection's state and the frame that is due, or how long until the first one
// is; zero: none is under way.
func (l *link) next() (changes uint64, up bool, due *item, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) > 0 {
		first := l.queue[0]
		if wait = time.Until(first.due); wait <= 0 {
			l.queue = l.queue[1:]
			return l.changes, l.up, &first, 0
		}
	}
	return l.changes, l.up, nil, wait
}

// run hands the link's connections and frames to the receiver, in order, until ctx is done.
func (l *link) run(ctx context.Context, t *Transport, receiver transport.Receiver) {
	var told struct {
		changes uint64
		up      bool
	}
	for ctx.Err() == nil {
		changes, up, due, wait := l.next()
		if changes != told.changes { // also when it went down and came up again meanwhile
			if told.up {
				receiver.Disconnected(l.peer)
			}
			if up {
				receiver.Connected(l.peer)
			}
			told.changes, told.up = changes, up
		}
		if due != nil {
			t.receive(l.peer, *due, receiver)
			continue
		}
		l.sleep(ctx, wait)
	}
}

// sleep waits for a change, for the given time where it is more than zero, or for the end.
func (l *link) sleep(ctx context.Context, wait time.Duration) {
	var due <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-l.wake:
	case <-due:
	}
}
