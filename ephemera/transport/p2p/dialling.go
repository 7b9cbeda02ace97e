package p2p

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"
)

// Two connections between two members cost both of them a handshake and a descriptor for nothing.
// Both members dial, because only one of them may know an address of the other. The one with the
// greater key lets the other one go first, and waits longer while others connect to it: a group
// that starts together is busy with many handshakes at once.

const (
	// dialsAtOnce is how many members a node dials at a time, so that each handshake gets its share of
	// a busy processor before it times out.
	dialsAtOnce = 4
	// dialShare is for how long an attempt counts as one of them. Addresses that do not answer hold up
	// others no longer.
	dialShare = 4 * time.Second
)

// goesSecond reports whether the member's own dial is expected first.
func (r *remote) goesSecond() bool { return r.t.config.Key.Public().Compare(r.key) > 0 }

// yields reports whether the member, which is offline since then, should have more time to dial
// this node: a little, and longer while members connect, but not much longer than the timeout of a
// dial. So a node that starts alone hardly waits.
func (r *remote) yields(since time.Time) bool {
	offline, patience := time.Since(since), r.t.patience()
	if !r.goesSecond() || offline > max(r.t.config.DialTimeout, 8*patience) {
		return false
	}
	return offline < r.t.config.Backoff.First || r.t.sinceArrival() < patience || r.t.tcpHandshakes.ofMembers() || r.t.quicHandshakes.ofMembers()
}

// patience returns for how long nobody must have connected before a member is dialled whose own
// dial is expected: about three round trips between continents, and more in a large group, whose
// members may share one machine.
func (t *Transport) patience() time.Duration {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return 3 * t.config.Backoff.First * time.Duration(10+len(t.peers)) / 10
}

// arrived notes that a member has connected to this node.
func (t *Transport) arrived() { t.lastArrival.Store(int64(time.Since(t.created))) }

// sinceArrival returns how long ago a member has connected to this node. If none has, that is long.
func (t *Transport) sinceArrival() time.Duration {
	last := t.lastArrival.Load()
	if last == 0 {
		return math.MaxInt64
	}
	return time.Since(t.created) - time.Duration(last)
}

// ofMembers reports whether a handshake from an address of a member is unfinished.
func (h *handshakes) ofMembers() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for address := range h.byAddress {
		if h.members[address] {
			return true
		}
	}
	return false
}

// errCameFirst reports that nothing was dialled: the member connected, or its addresses changed.
var errCameFirst = errors.New("not dialled: the member has changed meanwhile")

// attempt makes one attempt to connect, once there is a place for it.
func (r *remote) attempt(ctx context.Context, addresses []ma.Multiaddr, failed int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.changed:
		return errCameFirst
	case r.t.dials <- struct{}{}:
	}
	leave := sync.OnceFunc(func() { <-r.t.dials })
	defer leave()
	defer time.AfterFunc(dialShare, leave).Stop()
	if r.connected() {
		return errCameFirst
	}
	err := r.dial(ctx, r.some(addresses, failed))
	if err != nil && (failed+1)%findEvery == 0 {
		err = errors.Join(err, r.dialFound(ctx))
	}
	return err
}

// closeSurplus closes connections beyond one that have had no stream for a while. Of two members,
// the one that goes first does it, so that they do not close one each. Two connections with streams
// stay, mostly one for each direction: GossipSub forgets what a peer subscribed to when the stream
// to it ends.
func (r *remote) closeSurplus() {
	if r.goesSecond() {
		return
	}
	r.mu.Lock()
	kept := false
	var idle []network.Conn
	for conn := range r.connections {
		if len(conn.GetStreams()) > 0 || time.Since(conn.Stat().Opened) < r.t.config.PingInterval {
			kept = true
		} else {
			idle = append(idle, conn)
		}
	}
	r.mu.Unlock()
	if !kept && len(idle) > 0 {
		idle = idle[1:]
	}
	for _, conn := range idle {
		r.t.config.Logger.Debug("closing a second connection to a member", "peer", r.key)
		_ = conn.Close() // an error leaves nothing to do
	}
}
