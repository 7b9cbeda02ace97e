package memory

import (
	"context"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// link is the incoming half of a connection to a peer: its state and a bounded queue of frames.
type link struct {
	peer  keys.Public
	limit int
	wake  chan struct{} // capacity 1, signals a change of the fields below

	mu      sync.Mutex
	up      bool
	changes uint64 // how often up changed
	queue   []item
}

// item is a frame in transit.
type item struct {
	data   []byte
	due    time.Time // when it arrives
	gossip *gossip   // nil for a direct frame
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

// set connects or disconnects the link. A disconnection loses the frames in transit.
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
	if !l.hasRoomLocked() {
		return false
	}
	l.queue = append(l.queue, i)
	l.notify()
	return true
}

func (l *link) hasRoom() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hasRoomLocked()
}

func (l *link) hasRoomLocked() bool { return l.up && len(l.queue) < l.limit }

// next returns the state of the connection and the frame that is due. If none is due, wait is the
// time until the first one will be, or zero if none is in transit.
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

// run passes changes of the connection and frames to the receiver, in order, until ctx is done.
func (l *link) run(ctx context.Context, t *Transport, receiver transport.Receiver) {
	var reported struct {
		changes uint64
		up      bool
	}
	for ctx.Err() == nil {
		changes, up, due, wait := l.next()
		if changes != reported.changes { // also if the link went down and came up again
			if reported.up {
				receiver.Disconnected(l.peer)
			}
			if up {
				receiver.Connected(l.peer)
			}
			reported.changes, reported.up = changes, up
		}
		if due != nil {
			t.receive(l.peer, *due, receiver)
			continue
		}
		l.sleep(ctx, wait)
	}
}

// sleep waits until the link changes or ctx is done, for at most wait if wait is positive.
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
