package ephemera

import (
	"context"
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// inboxEvents bounds the events between the border and the loop. A full inbox slows down the peers.
const inboxEvents = 256

// inboxShare bounds the frames of one peer among them, so that the frames of others wait for a few
// of its frames only, however fast it sends.
const inboxShare = 32

// inbox holds the events between the border and the loop. put is safe for concurrent use.
type inbox struct {
	events chan engine.Event

	mu      sync.Mutex
	frames  map[keys.Public]int // frames of each peer that has any in the inbox
	waiting int                 // callers of put that wait for a share
	freed   chan struct{}       // closed and replaced when frames leave while callers wait
}

func newInbox() *inbox {
	return &inbox{events: make(chan engine.Event, inboxEvents), frames: map[keys.Public]int{}, freed: make(chan struct{})}
}

// put adds an event. It waits while the inbox or the peer's share is full, and returns early if ctx
// is done.
func (b *inbox) put(ctx context.Context, event engine.Event) {
	received, isFrame := event.(engine.Received)
	if isFrame && !b.enter(ctx, received.From) {
		return
	}
	select {
	case b.events <- event:
	case <-ctx.Done():
		if isFrame {
			b.took(event)
		}
	}
}

// enter waits for the share of a peer. It returns false if ctx is done first.
func (b *inbox) enter(ctx context.Context, from keys.Public) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.frames[from] >= inboxShare {
		b.waiting++
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
		}
		b.mu.Lock()
		b.waiting--
		if ctx.Err() != nil {
			return false
		}
	}
	b.frames[from]++
	return true
}

// took notes that the loop has taken events out.
func (b *inbox) took(events ...engine.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, event := range events {
		received, isFrame := event.(engine.Received)
		if !isFrame {
			continue
		}
		if b.frames[received.From]--; b.frames[received.From] == 0 {
			delete(b.frames, received.From)
		}
	}
	if b.waiting > 0 {
		close(b.freed)
		b.freed = make(chan struct{})
	}
}
