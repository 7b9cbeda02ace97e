package p2p

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/x/rate"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
)

// errNoPlace reports that an incoming connection is refused before its handshake.
var errNoPlace = errors.New("accept connection: its address has too many unfinished handshakes or connects too often (try again later)")

// handshakes bounds the incoming connections whose handshake is unfinished, of one transport (TCP
// or QUIC). Nothing is known about them but their network address: an IPv4 address or an IPv6 /64.
//
// An address may occupy as many places as are free, so that every further address finds some. When
// an address has no more, a newcomer takes the place of the oldest connection of the busiest
// address: a stranger that holds many connections open displaces only its own. The rate limit of an
// address bounds how fast its connections displace each other, so that a handshake has the quarter
// of a second that limits.Need allows for.
//
// Half of the places are divided among the addresses of members: those that are configured, and
// those from which they were connected last. Other addresses neither take these places nor displace
// connections in them. That matters with QUIC, whose unfinished connections nobody can close, and
// for strangers that have more addresses than there are places. Methods may be called concurrently.
type handshakes struct {
	places  int
	timeout time.Duration // of one handshake
	rate    rate.SubnetLimiter

	mu        sync.Mutex
	members   map[netip.Prefix]bool // addresses of members
	taken     int
	byAddress map[netip.Prefix][]*halfOpen // oldest first
	accepted  map[string]*halfOpen         // TCP, by remote address, until take
}

// halfOpen is a connection whose handshake is unfinished.
type halfOpen struct {
	of      *handshakes
	address netip.Prefix
	since   time.Time
	close   func() error // nil if the transport cannot close it (QUIC)
	expiry  *time.Timer  // nil if close is
	left    bool
}

func newHandshakes(l limits.Transport, timeout time.Duration) *handshakes {
	perAddress := rate.Limit{RPS: float64(l.AddressPerSecond), Burst: l.AddressBurst}
	return &handshakes{
		places: l.Handshakes, timeout: timeout,
		rate: rate.SubnetLimiter{
			IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: perAddress}},
			IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 64, Limit: perAddress}},
			GracePeriod:      time.Minute,
		},
		byAddress: map[netip.Prefix][]*halfOpen{}, accepted: map[string]*halfOpen{},
	}
}

// source returns the address that connections from remote are counted for. Addresses that are not
// IP addresses (a simulated network) share one.
func source(remote ma.Multiaddr) (netip.Addr, netip.Prefix) {
	if remote == nil {
		return netip.IPv4Unspecified(), netip.Prefix{}
	}
	bytes, err := manet.ToIP(remote)
	ip, ok := netip.AddrFromSlice(bytes)
	if err != nil || !ok {
		return netip.IPv4Unspecified(), netip.Prefix{}
	}
	ip = ip.Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	return ip, netip.PrefixFrom(ip, bits).Masked()
}

// enter gives a connection a place. It returns errNoPlace if all are taken. The place is free
// again after leave, or at the timeout if the connection can be closed.
func (h *handshakes) enter(remote ma.Multiaddr, closing func() error) (*halfOpen, error) {
	ip, address := source(remote)
	h.mu.Lock()
	var displaced *halfOpen
	if !h.hasRoom(address) {
		if displaced = h.oldestOfBusiest(address); displaced == nil || displaced.close == nil {
			h.mu.Unlock()
			return nil, errNoPlace
		}
	}
	if !h.rate.Allow(ip, time.Now()) {
		h.mu.Unlock()
		return nil, errNoPlace
	}
	if displaced != nil {
		h.remove(displaced)
	}
	entered := &halfOpen{of: h, address: address, since: time.Now(), close: closing}
	if closing != nil {
		entered.expiry = time.AfterFunc(h.timeout, entered.end)
	}
	h.byAddress[address] = append(h.byAddress[address], entered)
	h.taken++
	h.mu.Unlock()
	if displaced != nil {
		displaced.end()
	}
	return entered, nil
}

// setMembers replaces the addresses of members.
func (h *handshakes) setMembers(addresses map[netip.Prefix]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.members = addresses
}

// reserved returns how many places an address of a member has for itself.
func (h *handshakes) reserved(address netip.Prefix) int {
	if !h.members[address] {
		return 0
	}
	return h.places / 2 / len(h.members)
}

// hasRoom reports whether an address may occupy another place without displacing a connection: a
// place that is reserved for it, or fewer than the free ones that are reserved for nobody.
func (h *handshakes) hasRoom(address netip.Prefix) bool {
	if len(h.byAddress[address]) < h.reserved(address) {
		return h.taken < h.places
	}
	free := h.places - h.taken
	for member := range h.members {
		free -= max(0, h.reserved(member)-len(h.byAddress[member]))
	}
	return len(h.byAddress[address]) < free
}

// oldestOfBusiest returns the oldest connection of the address with the most connections beyond its
// reserved places. Among equally busy addresses the newcomer's has precedence, then the one that
// waits longest.
func (h *handshakes) oldestOfBusiest(newcomer netip.Prefix) *halfOpen {
	beyond := func(address netip.Prefix) int { return len(h.byAddress[address]) - h.reserved(address) }
	own, busiest := beyond(newcomer), newcomer
	for address, held := range h.byAddress {
		most := beyond(busiest)
		if n := beyond(address); n > most || n == most && most > own && held[0].since.Before(h.byAddress[busiest][0].since) {
			busiest = address
		}
	}
	if held := h.byAddress[busiest]; beyond(busiest) > 0 {
		return held[0]
	}
	return nil
}

// remove frees a place. The caller holds h.mu.
func (h *handshakes) remove(c *halfOpen) {
	if c.left {
		return
	}
	c.left = true
	h.taken--
	rest := slices.DeleteFunc(h.byAddress[c.address], func(other *halfOpen) bool { return other == c })
	if h.byAddress[c.address] = rest; len(rest) == 0 {
		delete(h.byAddress, c.address)
	}
}

// leave frees the place of a connection: its peer is known, or it is closed.
func (c *halfOpen) leave() {
	c.of.mu.Lock()
	c.of.remove(c)
	c.of.mu.Unlock()
	if c.expiry != nil {
		c.expiry.Stop()
	}
}

// end closes a connection, which frees its file descriptor, and frees its place.
func (c *halfOpen) end() {
	c.leave()
	_ = c.close() // fails only if it is closed already
}

// accept gives a TCP connection that was just accepted a place, and reports whether there is one.
func (h *handshakes) accept(conn net.Conn, remote ma.Multiaddr) bool {
	entered, err := h.enter(remote, conn.Close)
	if err != nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accepted[remote.String()] = entered
	return true
}

// take returns the connection from remote that was accepted last, or nil.
func (h *handshakes) take(remote ma.Multiaddr) *halfOpen {
	if remote == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := remote.String()
	entered := h.accepted[key]
	delete(h.accepted, key)
	return entered
}

// arrival is the resource scope of an incoming connection. It frees the place when the peer is
// known or the connection is closed.
type arrival struct {
	network.ConnManagementScope
	place *halfOpen
	seat  *seat // nil if the connection takes no descriptor
}

func (a arrival) SetPeer(id peer.ID) error {
	if a.seat != nil && !a.seat.take(a.seat.t.reserved(id)) {
		return errNoSeat
	}
	a.place.leave()
	return a.ConnManagementScope.SetPeer(id)
}

func (a arrival) Done() {
	a.place.leave()
	if a.seat != nil {
		a.seat.leave()
	}
	a.ConnManagementScope.Done()
}
