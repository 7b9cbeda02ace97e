package ephemera

import (
	"context"
	"errors"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
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

// receive handles a direct frame of a peer that is within its budget. It blames the peer only for a
// frame that no correct member sends.
func (b border) receive(view *view, from keys.Public, data []byte) transport.Verdict {
	decoded, err := view.groups.Decode(data)
	if errors.Is(err, wire.ErrUnknownGroup) {
		b.node.gate.charge(from, len(data))
		b.node.log.Debug("frame of an unknown group; the peer may be ahead", "peer", from.Short(), "err", err)
		wake(b.node.follow.heard)
		return transport.Ignore // the peer resends it (R7)
	}
	if err != nil {
		b.node.gate.charge(from, len(data))
		return b.reject(from, err)
	}
	switch f := decoded.Unverified().(type) {
	case wire.Announce:
		b.node.gate.charge(from, len(data))
		b.node.hear(f.Number)
		return transport.Accept
	case wire.Newest:
		b.node.gate.charge(from, len(data))
		b.node.hear(f.Number)
		b.node.company.note(from, f, view, b.node.clock.now())
		return transport.Accept
	}
	if !view.peers[from] && !view.mayAsk(from, decoded.Unverified()) {
		b.node.gate.charge(from, len(data))
		return transport.Ignore
	}
	return b.admit(view, admission.Arrival{From: from, Frame: decoded, Bytes: len(data), Group: view.groups.Of(decoded.Unverified())})
}

// mayAsk reports whether a former member may send a frame: about a group in which it was a member,
// or for the description of a group. It brings no messages and takes part in no open group.
func (v *view) mayAsk(from keys.Public, frame wire.Frame) bool {
	isMember := func(id membership.ID) bool { return v.groups.IsMember(id, from) }
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

// Gossip handles a gossip frame. Only messages spread by gossip, one in a frame. It forwards those
// of members and clients whose signatures are valid, without waiting for the application's verdict.
func (b border) Gossip(from keys.Public, data []byte) transport.Verdict {
	view := b.node.view.Load()
	if !view.peers[from] || b.node.gate.overdrawn(from) {
		return transport.Ignore
	}
	var frame wire.Verified
	verdict := transport.Ignore
	b.node.verifiers.run(b.ctx, func() { frame, verdict = b.checkGossip(view, from, data) })
	if verdict != transport.Accept {
		return verdict
	}
	b.node.post(b.ctx, engine.Received{From: from, Frame: frame})
	return transport.Accept
}

// checkGossip decodes a gossip frame, admits and verifies it.
func (b border) checkGossip(view *view, from keys.Public, data []byte) (wire.Verified, transport.Verdict) {
	if !wire.MayBeGossip(data) { // before it is decoded: a frame holds up to 1024 messages
		b.node.gate.charge(from, len(data))
		return wire.Verified{}, transport.Reject
	}
	decoded, err := view.groups.Decode(data)
	if errors.Is(err, wire.ErrUnknownGroup) {
		b.node.gate.charge(from, len(data))
		return wire.Verified{}, transport.Ignore
	}
	if err != nil {
		b.node.gate.charge(from, len(data))
		return wire.Verified{}, transport.Reject
	}
	return b.admitGossip(view, admission.Arrival{From: from, Frame: decoded, Bytes: len(data), Gossip: true})
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
