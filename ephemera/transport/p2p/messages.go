package p2p

import (
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// This file is the way of messages in mode Direct: a stream from the publisher to each member. Any
// member that takes part in gossip reads such streams, whatever its own mode is.

// sendToAll queues a frame for each connected member. It returns false if members are connected and
// all their queues are full. A member that misses a frame fetches the message (PROTOCOL.md R6).
func (t *Transport) sendToAll(frame []byte) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.running == nil {
		return false
	}
	queued, full := 0, 0
	for _, r := range t.peers {
		switch {
		case r.isGuest() || !r.connected():
		case r.messages.push(frame):
			queued++
		default:
			full++
		}
	}
	if queued > 0 || full == 0 {
		t.traffic.dropped.Add(uint64(full))
		return true
	}
	t.traffic.dropped.Add(uint64(full - 1)) // the caller counts one
	return false
}

// passMessage passes a frame to the receiver as gossip: within the rate of the peer's gossip, and
// in turn with the rest of it. It returns false if the stream ends first.
func (r *remote) passMessage(run *run, in *inbound, frame []byte) bool {
	r.received.Add(1)
	size := len(frame)
	if !r.throttle(in, r.gossip.delay(time.Now(), size)) {
		return false
	}
	if !r.gossiping.enter(run.ctx, size) {
		r.t.traffic.throttled.Add(1) // no offence: this node may be the slow one
		return run.ctx.Err() == nil
	}
	defer r.gossiping.leave(size)
	if run.receiver.Gossip(r.key, frame) == transport.Reject {
		r.penalise(garbage, "sent a message that no correct member sends")
	}
	return true
}
