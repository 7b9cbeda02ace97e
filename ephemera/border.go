package ephemera

import (
	"context"
	"errors"
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// border turns members' bytes into verified frames. It runs on the transport's goroutines, several
// at once, and waits while the loop is busy, which slows down the peer that sends.
type border struct {
	node *Node
	ctx  context.Context
}

// Receive takes a direct frame. Only what no correct member sends is the peer's fault.
func (b border) Receive(from keys.Public, data []byte) transport.Verdict {
	view := b.node.view.Load()
	if !view.peers[from] {
		return transport.Ignore
	}
	decoded, err := view.groups.Decode(data)
	if errors.Is(err, wire.ErrUnknownGroup) {
		b.node.log.Debug("frame of an unknown group; the peer may be ahead", "peer", from.Short(), "err", err)
		wake(b.node.follow.heard)
		return transport.Ignore // it is sent again (R7)
	}
	if err != nil {
		return b.reject(from, err)
	}
	if f, ok := decoded.Unverified().(wire.Announce); ok {
		b.node.hear(f.Number)
		return transport.Accept
	}
	frame, err := b.node.verify(view, decoded)
	if err != nil {
		return b.reject(from, err)
	}
	b.node.post(b.ctx, engine.Received{From: from, Frame: frame, Refused: b.refused(frame)})
	return transport.Accept
}

func (b border) reject(from keys.Public, err error) transport.Verdict {
	b.node.log.Warn("frame refused", "peer", from.Short(), "err", err)
	return transport.Reject
}

// Gossip takes a message that spreads by gossip, and only messages do.
func (b border) Gossip(from keys.Public, data []byte) transport.Verdict {
	view := b.node.view.Load()
	if !view.peers[from] {
		return transport.Ignore
	}
	decoded, err := view.groups.Decode(data)
	if errors.Is(err, wire.ErrUnknownGroup) {
		return transport.Ignore
	}
	if err != nil || decoded.Kind() != wire.KindMessages {
		return transport.Reject
	}
	frame, err := b.node.verify(view, decoded)
	if err != nil {
		return transport.Reject
	}
	if len(b.refused(frame)) > 0 {
		return transport.Ignore // a verdict of the application is nobody's fault on the way
	}
	b.node.post(b.ctx, engine.Received{From: from, Frame: frame})
	return transport.Accept
}

// refused asks the application about every message in a frame, and refuses those of unknown
// senders.
func (b border) refused(frame wire.Verified) map[block.MessageID]bool {
	var refused map[block.MessageID]bool
	view := b.node.view.Load()
	for m := range wire.Bodies(frame.Frame()) {
		if err := b.node.admit(b.ctx, view, m); err != nil {
			b.node.log.Debug("message kept out", "message", m.ID().String(), "err", err)
			if refused == nil {
				refused = make(map[block.MessageID]bool)
			}
			refused[m.ID()] = true
		}
	}
	return refused
}

// Connected tells the engine that a member is back.
func (b border) Connected(peer keys.Public) {
	if b.node.view.Load().peers[peer] {
		b.node.post(b.ctx, engine.Connected{Peer: peer})
		b.node.connectedWith(peer)
	}
}

// Disconnected needs no answer: R7 goes on trying.
func (b border) Disconnected(keys.Public) {}

// verify checks the signatures of a frame that a connected member sent. Every such frame is admitted
// today; what it costs is not asked.
func (n *Node) verify(view *view, decoded wire.Decoded) (wire.Verified, error) {
	admitted, err := decoded.Admit()
	if err != nil {
		return wire.Verified{}, err
	}
	return n.verifier(view).Verify(admitted)
}

// verifier checks signatures for the groups of a view, and none twice.
func (n *Node) verifier(view *view) wire.Verifier { return wire.NewVerifier(view.groups, n.seen) }

// seen is the wire.Memory of a node: the digests of what was verified recently, in two generations
// of bounded size.
type seen struct {
	mu       sync.Mutex
	new, old map[wire.Digest]struct{}
}

// seenDigests bounds each generation.
const seenDigests = 8192

func newSeen() *seen { return &seen{new: make(map[wire.Digest]struct{})} }

// Has reports whether the digest is of something that was verified.
func (s *seen) Has(digest wire.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.new[digest]; ok {
		return true
	}
	_, ok := s.old[digest]
	return ok
}

// Add remembers the digest. When a generation is full, the one before it is forgotten.
func (s *seen) Add(digest wire.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.new) >= seenDigests {
		s.old, s.new = s.new, make(map[wire.Digest]struct{}, seenDigests)
	}
	s.new[digest] = struct{}{}
}
