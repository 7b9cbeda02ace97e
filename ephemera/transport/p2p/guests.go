package p2p

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Bounds on guests, who are not members any more.
const (
	maxGuests            = 8
	guestFramesPerSecond = 4 // of all guests together: an answer may be as large as a frame gets
	guestFramesBurst     = 32
	guestBytesPerSecond  = 64 << 10
	guestStay            = 5 * time.Minute
	guestHandshake       = 30 * time.Second
)

// SetGuests replaces the keys that may connect although they are not among the peers: former
// members, who ask for what they missed. The transport never dials a guest, admits a few at a time,
// for a few minutes each, and reads their frames at one small rate that they share. Guests take no
// part in gossip and are not in Online.
func (t *Transport) SetGuests(guests []keys.Public) {
	allowed := make(map[peer.ID]keys.Public, len(guests))
	for _, key := range guests {
		allowed[peerID(key)] = key
	}
	t.mu.Lock()
	t.guests = allowed
	var gone []*remote
	for id, r := range t.peers {
		if _, stays := allowed[id]; r.isGuest() && !stays {
			delete(t.peers, id)
			gone = append(gone, r)
		}
	}
	t.mu.Unlock()
	for _, r := range gone {
		t.part(r)
	}
}

// admitGuest makes a remote for a guest that connects. It returns nil if the peer is not a guest,
// or there are too many.
func (t *Transport) admitGuest(id peer.ID) *remote {
	t.mu.Lock()
	defer t.mu.Unlock()
	key, ok := t.guests[id]
	if r := t.peers[id]; r != nil || !ok || t.running == nil || t.running.ctx.Err() != nil {
		return r
	}
	count := 0
	for _, r := range t.peers {
		if r.isGuest() {
			count++
		}
	}
	if count >= maxGuests {
		return nil
	}
	r := newRemote(t, key, id)
	r.guest.Store(true)
	r.direct = t.guestRate
	t.peers[id] = r
	r.start(t.running)
	ctx := t.running.ctx
	t.running.work.Go(func() { t.hostGuest(ctx, r) })
	return r
}

// hostGuest ends the stay of a guest: when it has gone or has stayed for long.
func (t *Transport) hostGuest(ctx context.Context, r *remote) {
	ticker := time.NewTicker(guestHandshake)
	defer ticker.Stop()
	for begin := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-r.left:
			return
		case <-ticker.C:
		}
		if !r.isGuest() {
			return // it has become a member
		}
		if r.connected() && time.Since(begin) < guestStay {
			continue
		}
		t.mu.Lock()
		if r.isGuest() && t.peers[r.id] == r {
			delete(t.peers, r.id)
		}
		t.mu.Unlock()
		t.part(r)
		return
	}
}

// part ends the connections to a peer that was removed from t.peers.
func (t *Transport) part(r *remote) {
	r.leave()
	if err := t.host.Network().ClosePeer(r.id); err != nil {
		t.config.Logger.Debug("closing connections to a former member failed", "peer", r.key, "error", err)
	}
}

func (r *remote) isGuest() bool { return r.guest.Load() }
