package ephemera

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// border turns bytes from members into verified frames: it decodes, admits and verifies them (see
// package wire). It runs on the transport's goroutines, several at once. It waits while the loop is
// busy, which slows down the peer that sends.
type border struct {
	node *Node
	ctx  context.Context
}

// Receive handles a direct frame. It blames the peer only for a frame that no correct member sends.
func (b border) Receive(from keys.Public, data []byte) transport.Verdict {
	view := b.node.view.Load()
	if !view.peers[from] && !view.former[from] {
		return transport.Ignore
	}
	decoded, err := view.groups.Decode(data)
	if errors.Is(err, wire.ErrUnknownGroup) {
		b.node.log.Debug("frame of an unknown group; the peer may be ahead", "peer", from.Short(), "err", err)
		wake(b.node.follow.heard)
		return transport.Ignore // the peer resends it (R7)
	}
	if err != nil {
		return b.reject(from, err)
	}
	switch f := decoded.Unverified().(type) {
	case wire.Announce:
		b.node.hear(f.Number)
		return transport.Accept
	case wire.Newest:
		b.node.hear(f.Number)
		b.node.company.note(from, f, view, b.node.clock.now())
		return transport.Accept
	}
	if !view.peers[from] && !view.mayAsk(from, decoded.Unverified()) {
		return transport.Ignore
	}
	frame, err := b.node.verify(view, decoded)
	if err != nil {
		return b.reject(from, err)
	}
	b.node.post(b.ctx, engine.Received{From: from, Frame: frame, Refused: b.refused(frame)})
	return transport.Accept
}

// mayAsk reports whether a former member may send a frame: about a group in which it was a member,
// or for the description of a group. It brings no messages and takes part in no open group.
func (v *view) mayAsk(from keys.Public, frame wire.Frame) bool {
	isMember := func(id membership.ID) bool {
		return slices.ContainsFunc(v.known, func(k KnownGroup) bool { return k.Group.ID() == id && k.Group.Contains(from) })
	}
	switch f := frame.(type) {
	case wire.GetGroup:
		return true
	case wire.Frontier, wire.GetFrontier, wire.Fresh, wire.GetCertified, wire.GetBlock, wire.GetEvidence, wire.Evidence, wire.Certificate:
		return isMember(wire.GroupOf(frame))
	case wire.Blocks:
		return !slices.ContainsFunc(f.Blocks, func(held wire.Held) bool { return !isMember(held.Block.Header.Group) })
	}
	return false
}

func (b border) reject(from keys.Public, err error) transport.Verdict {
	b.node.log.Warn("frame refused", "peer", from.Short(), "err", err)
	return transport.Reject
}

// Gossip handles a gossip frame. Only messages spread by gossip.
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
		return transport.Ignore // the application's verdict does not blame the peers that passed it on
	}
	b.node.post(b.ctx, engine.Received{From: from, Frame: frame})
	return transport.Accept
}

// refused returns the messages of a frame that are kept out of the mempool, because the application
// refuses them or their sender is unknown.
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

// Connected tells the engine that a member is reachable again.
func (b border) Connected(peer keys.Public) {
	switch view := b.node.view.Load(); {
	case view.peers[peer]:
		b.node.post(b.ctx, engine.Connected{Peer: peer})
		b.node.connectedWith(peer)
	case view.former[peer]:
		b.node.post(b.ctx, engine.Connected{Peer: peer})
		b.node.announce(peer)
	}
}

// Disconnected does nothing: the engine keeps resending (R7).
func (b border) Disconnected(keys.Public) {}

// verify checks the signatures of a frame that a connected member sent. This is the place of
// admission control: today it admits every such frame, whatever its verification costs.
func (n *Node) verify(view *view, decoded wire.Decoded) (wire.Verified, error) {
	admitted, err := decoded.Admit()
	if err != nil {
		return wire.Verified{}, err
	}
	return n.verifier(view).Verify(admitted)
}

// verifier returns a verifier for the groups of a view. It verifies nothing that the node verified
// recently.
func (n *Node) verifier(view *view) wire.Verifier { return wire.NewVerifier(view.groups, n.seen) }

// seen is a node's wire.Memory. It holds the digests of what was verified recently, in two
// generations of bounded size.
type seen struct {
	mu       sync.Mutex
	new, old map[wire.Digest]struct{}
}

// seenDigests bounds each generation.
const seenDigests = 8192

func newSeen() *seen { return &seen{new: make(map[wire.Digest]struct{})} }

// Has reports whether the digest was added recently.
func (s *seen) Has(digest wire.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.new[digest]; ok {
		return true
	}
	_, ok := s.old[digest]
	return ok
}

// Add adds a digest. When a generation is full, a new one begins and the older one is dropped.
func (s *seen) Add(digest wire.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.new) >= seenDigests {
		s.old, s.new = s.new, make(map[wire.Digest]struct{}, seenDigests)
	}
	s.new[digest] = struct{}{}
}
