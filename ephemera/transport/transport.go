// Package transport defines how frames travel between members: directly, over authenticated links,
// and by gossip. A frame is an opaque sequence of bytes. The implementations are transport/p2p
// (libp2p streams and GossipSub) and transport/memory (for tests); package transport/transporttest
// is their conformance suite.
//
// A transport may lose, delay, repeat and reorder frames; the protocol compensates (PROTOCOL.md R6
// and R7). It never blocks a sender, and all its queues are bounded.
package transport

import (
	"context"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Transport connects a node with the members that it was configured with, and with no other peer.
// Its methods are safe for concurrent use.
type Transport interface {
	// Run connects to the members and passes incoming frames to receiver until ctx is done. It then
	// closes everything it opened, waits for running methods of the receiver, and returns nil. After
	// that, no method of the receiver is called. Run must be called at most once.
	Run(ctx context.Context, receiver Receiver) error
	// Send queues a frame for a member, without waiting, and reports whether it was queued. It returns
	// false if the member is unknown or not connected, its queue is full, or the frame is too large.
	// The caller must not change the frame afterwards; it may send the same frame to several members.
	Send(to keys.Public, frame []byte) bool
	// HasRoom reports whether Send would queue a frame of this length for a member now. Lengths above
	// that of the largest frame count as that of the largest. Call it before work on an answer that
	// the member can ask for again: until Send, other frames may take the room.
	HasRoom(to keys.Public, bytes int) bool
	// Publish queues a frame for gossip to all members, without waiting, and reports whether it was
	// queued. It returns false if gossip is off, the queue is full, or the frame is too large. The
	// publisher's own receiver does not get the frame. The caller must not change it afterwards.
	Publish(frame []byte) bool
	// Online returns the members that have an authenticated connection, in byte order of their keys.
	// The node itself is not among them.
	Online() []keys.Public
	// Traffic returns the totals since the transport was created.
	Traffic() Traffic
}

// Receiver handles incoming frames. Its methods may be called concurrently, but the direct frames
// of one peer arrive one at a time and in order. A method that blocks slows down that peer only.
// The receiver owns the frames and may change them.
type Receiver interface {
	// Receive handles a direct frame and returns a verdict on it. Reject counts as an offence of the
	// peer; a transport may disconnect repeat offenders for a while.
	Receive(from keys.Public, frame []byte) Verdict
	// Gossip handles a frame that a member published, or forwarded for another one, and returns a
	// verdict on it. Only accepted frames are forwarded, so Reject counts as an offence of the peer
	// that delivered the frame.
	Gossip(from keys.Public, frame []byte) Verdict
	// Connected is called after the first connection to a member was established.
	Connected(peer keys.Public)
	// Disconnected is called after the last connection to a member was closed.
	Disconnected(peer keys.Public)
}

// Verdict is the receiver's judgement of a frame.
type Verdict uint8

const (
	// Ignore drops a frame without blame: the node is overloaded, or does not know the group or the
	// sender of a message yet.
	Ignore Verdict = iota
	// Accept takes a frame. A gossip frame is forwarded.
	Accept
	// Reject drops a frame that no correct member sends or forwards, and blames the peer.
	Reject
	// Excess says that the peer has caused more work than its budget for a second. For a direct frame
	// it is a lesser offence. A gossip frame is dropped without blame, because the peer may only have
	// forwarded it.
	Excess
)

// Traffic counts bytes and frames, direct and gossip, without the framing of lower layers. For
// GossipSub, the bytes are those of whole RPCs.
type Traffic struct {
	SentBytes, SentFrames         uint64
	ReceivedBytes, ReceivedFrames uint64
	// GossipSentBytes is the part of SentBytes that is gossip.
	GossipSentBytes uint64
	// Dropped counts outgoing frames that were dropped, mostly because a queue was full.
	Dropped uint64
	// Throttled counts incoming frames and streams above a peer's rate limit: direct frames were
	// delayed, gossip and streams refused.
	Throttled uint64
	// Cuts counts how often a peer was cut off for misbehaviour.
	Cuts uint64
	// Unanswered counts connections that were closed because the peer did not answer a ping.
	Unanswered uint64
}

// Backoff configures the waits between attempts to reach a member. They start at First, double up
// to Cap, and are jittered.
type Backoff struct{ First, Cap time.Duration }
