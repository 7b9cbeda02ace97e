package p2p

import (
	"errors"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// errNoSeat reports a connection for which no descriptor is left.
var errNoSeat = errors.New("connect: as many connections as limits allow are open or being dialled (raise the limit on open files, `ulimit -n`)")

// seats bounds the connections with peers that take a descriptor: incoming ones whose handshake is
// finished, and outgoing ones from the dial on. libp2p cannot bound both together and leave out the
// unfinished ones, which handshakes bounds.
type seats struct {
	most int

	mu    sync.Mutex
	taken int
}

// seat is that of one connection. Its methods may be called concurrently.
type seat struct {
	in    *seats
	t     *Transport // of an incoming connection
	taken bool
}

// take takes the seat and reports whether more than reserved ones were free. Taking it again does
// nothing.
func (s *seat) take(reserved int) bool {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	if !s.taken && s.in.taken+reserved >= s.in.most {
		return false
	}
	if !s.taken {
		s.taken = true
		s.in.taken++
	}
	return true
}

// leave frees the seat if it was taken.
func (s *seat) leave() {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	if s.taken {
		s.taken = false
		s.in.taken--
	}
}

// reserved returns how many seats must stay free for members when a peer connects: none if it is
// one, and a member's two for each member if it is a guest.
func (t *Transport) reserved(id peer.ID) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if r := t.peers[id]; r == nil || !r.isGuest() {
		return 0
	}
	members := 0
	for _, r := range t.peers {
		if !r.isGuest() {
			members++
		}
	}
	return 2 * members
}

// departure is the resource scope of an outgoing connection.
type departure struct {
	network.ConnManagementScope
	seat *seat
}

func (d departure) Done() {
	d.seat.leave()
	d.ConnManagementScope.Done()
}
