package limits

import (
	"errors"
	"fmt"
)

// Descriptors says how many files and connections a process may have open at a time, and which of
// them a node uses for other things than the connections that Limits bound.
type Descriptors struct {
	Limit   int // of the process
	Held    int // files of the store and the home, listeners, and what any process needs
	Members int // other members of the group with which the node starts
}

// ErrDescriptors reports a limit with which a node cannot work.
var ErrDescriptors = errors.New("the process may have too few files and connections open")

// connectionsPerPeer is how many connections two honest members have at most: both may dial at the
// same time.
const connectionsPerPeer = 2

// share is a part of the descriptors. What is left over the least is divided in steps: nobody gets
// more than the usual before everybody has it, then what is needed, then what is wanted.
type share struct {
	bound                *int
	least, usual, needed int
}

// shares returns the parts of the descriptors. Members come first: the least for them is what all
// of them need.
func (l *Limits) shares(need Limits, others int) []share {
	members := connectionsPerPeer * max(1, others)
	return []share{
		{&l.Transport.Connections, members, 2 * members, need.Transport.Connections},
		{&l.Transport.Handshakes, 8, 32, need.Transport.Handshakes},
		{&l.HTTP.Connections, 12, 32, need.HTTP.Connections},
		{&l.HTTP.AdminConnections, 2, 4, need.HTTP.AdminConnections},
		{&l.WebSocket.Subscribers, 2, 8, need.WebSocket.Subscribers},
	}
}

// Connections returns how many connections the limits allow in all: of members, of peers whose
// handshake is unfinished, of callers of the API servers, and of subscribers.
func (l Limits) Connections() int {
	return l.Transport.Connections + l.Transport.Handshakes + l.HTTP.Connections + l.HTTP.AdminConnections + l.WebSocket.Subscribers
}

// Within returns the limits, lowered so that the connections that they allow and d.Held are at most
// d.Limit. It returns ErrDescriptors, with the least limit, if a node cannot work with so few. The
// limits must be those of For for c, or lower.
func (l Limits) Within(c Config, d Descriptors) (Limits, error) {
	need, err := Need(c)
	if err != nil {
		return Limits{}, err
	}
	handshakes := l.Transport.Handshakes
	shares := l.shares(need, d.Members)
	wanted, rest := make([]int, len(shares)), d.Limit-d.Held
	for i, s := range shares {
		wanted[i] = *s.bound
		*s.bound = min(s.least, wanted[i])
		rest -= *s.bound
	}
	if rest < 0 {
		return Limits{}, fmt.Errorf("%w: %d, at least %d are needed for %d other members", ErrDescriptors, d.Limit, d.Limit-rest, d.Members)
	}
	for step := range 3 {
		target := make([]int, len(shares))
		missing := 0
		for i, s := range shares {
			target[i] = min(wanted[i], max(*s.bound, []int{s.usual, s.needed, wanted[i]}[step]))
			missing += target[i] - *s.bound
		}
		given := min(rest, missing)
		for i, s := range shares {
			if missing > 0 {
				part := given * (target[i] - *s.bound) / missing
				*s.bound += part
				rest -= part
			}
		}
		if given < missing {
			break
		}
	}
	l.Transport.fitHandshakes(handshakes)
	l.Transport.ConnectionsPerPeer = min(l.Transport.ConnectionsPerPeer, max(connectionsPerPeer, l.Transport.Connections/max(1, l.Transport.Peers)))
	return l, nil
}

// fitHandshakes lowers the rate limits of an address to fewer places than were derived. As with the
// derived ones, half of the places hold the burst of an address and what it opens in a quarter of a
// second, so that its handshakes have that long before they displace each other.
func (t *Transport) fitHandshakes(derived int) {
	if t.Handshakes >= derived {
		return
	}
	t.AddressBurst = min(t.AddressBurst, max(1, t.Handshakes*3/8))
	t.AddressPerSecond = min(t.AddressPerSecond, max(1, t.Handshakes/2))
}
