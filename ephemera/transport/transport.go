// Package transport carries frames between members: direct ones over authenticated links, and
// gossip. It knows nothing of what is in a frame. Implementations: transport/p2p (libp2p streams
// and GossipSub) and transport/memory (tests). Each passes transport/transporttest.
//
// A transport may lose, delay, repeat and reorder frames: PROTOCOL.md R6 and R7 make up for it. It
// never blocks the sender and never grows without bound.
package transport

import (
	"context"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Transport connects one node with the members it was configured with, and with nobody else.
type Transport interface {
	// Run connects, receives and serves until ctx is done, then closes everything it opened and
	// returns nil. It is called once. After it returned no method of the receiver runs, so it waits
	// for those that do.
	Run(ctx context.Context, receiver Receiver) error
	// Send queues a frame for a member and returns at once. False: not queued (no such member, not
	// connected, queue full, frame too large). The frame must not be changed afterwards; the same one
	// may be sent to many.
	Send(to keys.Public, frame []byte) bool
	// Publish queues a frame for gossip to all members and returns at once. False: not queued, or
	// gossip is off. It is not handed to the publisher's own receiver. The frame must not be changed
	// afterwards.
	Publish(frame []byte) bool
	// Online returns the members with a live authenticated connection, in byte order, without the node
	// itself.
	Online() []keys.Public
	// Traffic returns what was sent and received since the start.
	Traffic() Traffic
}

// Receiver takes what arrives. Its methods may be called concurrently, for one peer's direct frames
// in order. A method that waits slows that peer down and nobody else. Frames belong to the
// receiver.
type Receiver interface {
	// Receive takes a direct frame and judges it. Reject blames the peer; a transport may then talk
	// less to it for a while.
	Receive(from keys.Public, frame []byte) Verdict
	// Gossip judges a gossip frame that a member passed on, and takes it when it is good. Only frames
	// judged Accept travel on, so who passes on one that is rejected is to blame.
	Gossip(from keys.Public, frame []byte) Verdict
	// Connected and Disconnected tell of the first connection of a member and of the end of its last.
	Connected(peer keys.Public)
	Disconnected(peer keys.Public)
}

// Verdict says what became of a frame.
type Verdict uint8

const (
	Ignore Verdict = iota // not taken, nobody's fault: our own state or load, a group that we do not know yet, an application's answer
	Accept                // good; gossip is passed on
	Reject                // no correct member sends or passes on such a frame: the peer is to blame
)

// Traffic counts payload bytes and frames, direct and gossip, without the framing of lower layers.
// For GossipSub the bytes are those of whole RPCs.
type Traffic struct {
	SentBytes, SentFrames         uint64
	ReceivedBytes, ReceivedFrames uint64
	GossipSentBytes               uint64 // the part of SentBytes that is gossip
	Dropped                       uint64 // frames that Send or Publish did not queue
	Throttled                     uint64 // frames of peers beyond their rate: direct ones waited, gossip and streams were refused
	Cuts                          uint64 // times that a peer was cut off for a while
	Unanswered                    uint64 // connections closed because the peer did not answer a ping
}

// Backoff is the waiting between attempts to reach a member: capped, doubling, jittered.
type Backoff struct{ First, Cap time.Duration }
