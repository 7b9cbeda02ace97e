package ephemera

import (
	"context"
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// inboxShare bounds the frames of one peer among the events of the inbox, so that the frames of
// others wait for a few of its frames only, however fast it sends.
const inboxShare = 32

// post hands an event to the loop from another goroutine. It waits while the inbox or the peer's
// share of it is full, and returns early if ctx is done.
func (n *Node) post(ctx context.Context, event engine.Event) {
	received, isFrame := event.(engine.Received)
	if isFrame && !n.shares.enter(ctx, received.From) {
		return
	}
	select {
	case n.inbox <- event:
	case <-ctx.Done():
		n.shares.leave(event)
	}
}

// shares counts the frames of each peer in the inbox. The zero value is ready. It is safe for
// concurrent use.
type shares struct {
	mu      sync.Mutex
	frames  map[keys.Public]int // of the peers that have any in the inbox
	waiting int                 // callers of enter that wait
	freed   chan struct{}       // closed when frames leave while callers wait
}

// enter waits for the share of a peer. It returns false if ctx is done first.
func (s *shares) enter(ctx context.Context, from keys.Public) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.frames[from] >= inboxShare {
		if s.freed == nil {
			s.freed = make(chan struct{})
		}
		freed := s.freed
		s.waiting++
		s.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
		}
		s.mu.Lock()
		s.waiting--
		if ctx.Err() != nil {
			return false
		}
	}
	if s.frames == nil {
		s.frames = make(map[keys.Public]int)
	}
	s.frames[from]++
	return true
}

// leave counts the frames among events that left the inbox.
func (s *shares) leave(events ...engine.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, event := range events {
		received, isFrame := event.(engine.Received)
		if !isFrame {
			continue
		}
		if s.frames[received.From]--; s.frames[received.From] == 0 {
			delete(s.frames, received.From)
		}
	}
	if s.waiting > 0 && s.freed != nil {
		close(s.freed)
		s.freed = nil
	}
}
