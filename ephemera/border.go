package ephemera

import (
	"context"
	"crypto/sha256"
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
	frame, err := b.node.open(view, data)
	if errors.Is(err, wire.ErrUnknownGroup) {
		b.node.log.Debug("frame of an unknown group; the peer may be ahead", "peer", from.Short(), "err", err)
		wake(b.node.follow.heard)
		return transport.Ignore // it is sent again (R7)
	}
	if err != nil {
		b.node.log.Warn("frame refused", "peer", from.Short(), "err", err)
		return transport.Reject
	}
	if f, ok := frame.(wire.Announce); ok {
		b.node.hear(f.Number)
		return transport.Accept
	}
	b.node.post(b.ctx, engine.Received{From: from, Frame: frame, Refused: b.refused(frame)})
	return transport.Accept
}

// Gossip takes a message that spreads by gossip, and only messages do.
func (b border) Gossip(from keys.Public, data []byte) transport.Verdict {
	view := b.node.view.Load()
	if !view.peers[from] {
		return transport.Ignore
	}
	frame, err := b.node.open(view, data)
	if errors.Is(err, wire.ErrUnknownGroup) {
		return transport.Ignore
	}
	if err != nil {
		return transport.Reject
	}
	messages, ok := frame.(wire.Messages)
	if !ok {
		return transport.Reject
	}
	if len(b.refused(messages)) > 0 {
		return transport.Ignore // a verdict of the application is nobody's fault on the way
	}
	b.node.post(b.ctx, engine.Received{From: from, Frame: messages})
	return transport.Accept
}

// refused asks the application about every message in a frame, and refuses those of unknown
// senders.
func (b border) refused(frame wire.Frame) map[block.MessageID]bool {
	var refused map[block.MessageID]bool
	view := b.node.view.Load()
	check := func(messages []block.Message) {
		for _, m := range messages {
			if err := b.node.admit(b.ctx, view, m); err != nil {
				b.node.log.Debug("message kept out", "message", m.ID().String(), "err", err)
				if refused == nil {
					refused = make(map[block.MessageID]bool)
				}
				refused[m.ID()] = true
			}
		}
	}
	switch f := frame.(type) {
	case wire.Messages:
		check(f.Messages)
	case wire.Blocks:
		for _, held := range f.Blocks {
			check(held.Block.Messages)
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

// open decodes and verifies a frame, or recognises one that it verified before: resends cost no
// second verification.
func (n *Node) open(view *view, data []byte) (wire.Frame, error) {
	frame, err := view.groups.Decode(data)
	if err != nil {
		return nil, err
	}
	if messages, ok := frame.(wire.Messages); ok {
		for _, m := range messages.Messages {
			if !n.verifyMessage(m) {
				return nil, view.groups.Verify(frame)
			}
		}
		return frame, nil
	}
	digest := sha256.Sum256(data)
	if n.seen.has(digest) {
		return frame, nil
	}
	if err := view.groups.Verify(frame); err != nil {
		return nil, err
	}
	n.seen.add(digest)
	return frame, nil
}

// verifyMessage checks a message's signature, once: a message comes by gossip, by fetch and in
// blocks.
func (n *Node) verifyMessage(m block.Message) bool {
	id, signature := m.ID(), m.Signature()
	digest := sha256.Sum256(append(id[:], signature[:]...))
	if n.seen.has(digest) {
		return true
	}
	if !m.Verify() {
		return false
	}
	n.seen.add(digest)
	return true
}

// seen remembers the digests of what was verified lately, in two generations of bounded size.
type seen struct {
	mu       sync.Mutex
	new, old map[[sha256.Size]byte]struct{}
}

// seenDigests bounds each generation.
const seenDigests = 8192

func newSeen() *seen { return &seen{new: make(map[[sha256.Size]byte]struct{})} }

func (s *seen) has(digest [sha256.Size]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.new[digest]; ok {
		return true
	}
	_, ok := s.old[digest]
	return ok
}

func (s *seen) add(digest [sha256.Size]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.new) >= seenDigests {
		s.old, s.new = s.new, make(map[[sha256.Size]byte]struct{}, seenDigests)
	}
	s.new[digest] = struct{}{}
}
