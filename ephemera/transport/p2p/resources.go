package p2p

import (
	"fmt"
	"math"
	"net"
	"net/netip"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
)

// resources returns libp2p's resource manager with the bounds of package limits. It lifts libp2p's
// bounds on connections from one address, because members may share an address, and the rate limit
// of an address, because that would count this node's own dials too; handshakes takes their place.
// Outgoing connections have room of their own, so that incoming ones cannot use it up. Of incoming
// ones there is room for those that handshakes admits with TCP and with QUIC, and as many that were
// closed a moment ago.
func resources(l limits.Transport) (network.ResourceManager, error) {
	const transports, closed = 2, 2
	peers, arriving := rcmgr.LimitVal(l.Connections), rcmgr.LimitVal(closed*transports*l.Handshakes)
	streams, ofPeer := rcmgr.LimitVal(l.StreamsPerPeer*l.Peers), rcmgr.LimitVal(l.StreamsPerPeer)
	connectionsOfPeer := rcmgr.LimitVal(l.ConnectionsPerPeer)
	all := rcmgr.PartialLimitConfig{
		System: rcmgr.ResourceLimits{
			Conns: 2*peers + arriving, ConnsInbound: peers + arriving, ConnsOutbound: peers, FD: 2*peers + arriving,
			Streams: streams, StreamsInbound: streams, StreamsOutbound: streams, Memory: rcmgr.LimitVal64(l.MemoryBytes),
		},
		Transient: rcmgr.ResourceLimits{
			Conns: peers + arriving, ConnsInbound: arriving, ConnsOutbound: peers, FD: peers + arriving,
			Streams: streams, StreamsInbound: streams, StreamsOutbound: streams, Memory: rcmgr.LimitVal64(l.MemoryBytes),
		},
		PeerDefault: rcmgr.ResourceLimits{
			Conns: connectionsOfPeer, ConnsInbound: connectionsOfPeer, ConnsOutbound: connectionsOfPeer, FD: connectionsOfPeer,
			Streams: ofPeer, StreamsInbound: ofPeer, StreamsOutbound: ofPeer, Memory: rcmgr.LimitVal64(l.PeerMemoryBytes),
		},
	}.Build(rcmgr.InfiniteLimits)
	unbounded4 := []rcmgr.NetworkPrefixLimit{{Network: netip.MustParsePrefix("0.0.0.0/0"), ConnCount: math.MaxInt}}
	unbounded6 := []rcmgr.NetworkPrefixLimit{{Network: netip.MustParsePrefix("::/0"), ConnCount: math.MaxInt}}
	manager, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(all), rcmgr.WithMetricsDisabled(),
		rcmgr.WithNetworkPrefixLimit(unbounded4, unbounded6), rcmgr.WithConnRateLimiters(&rate.Limiter{}))
	if err != nil {
		return nil, fmt.Errorf("create libp2p resource manager: %w", err)
	}
	return manager, nil
}

// gate bounds incoming connections until their peer is known, and the rate at which a peer opens
// streams: each of them costs a negotiation before its protocol is known.
type gate struct {
	network.ResourceManager
	t *Transport
}

// OpenConnection is called for a TCP connection after gater.InterceptAccept, and for a QUIC
// connection before its handshake, which quic-go ends after some seconds.
func (g gate) OpenConnection(direction network.Direction, usesFD bool, remote ma.Multiaddr) (network.ConnManagementScope, error) {
	if direction != network.DirInbound {
		return g.dial(direction, usesFD, remote)
	}
	place, err := g.place(usesFD, remote)
	if err != nil {
		return nil, err
	}
	scope, err := g.ResourceManager.OpenConnection(direction, usesFD, remote)
	if err != nil {
		place.leave()
		return nil, err
	}
	if !usesFD {
		return arrival{scope, place, nil}, nil
	}
	return arrival{scope, place, &seat{in: &g.t.seats, t: g.t}}, nil
}

// dial opens the scope of an outgoing connection. It counts from now on, because it takes a
// descriptor.
func (g gate) dial(direction network.Direction, usesFD bool, remote ma.Multiaddr) (network.ConnManagementScope, error) {
	if !usesFD {
		return g.ResourceManager.OpenConnection(direction, usesFD, remote)
	}
	taken := &seat{in: &g.t.seats}
	if !taken.take(0) {
		return nil, errNoSeat
	}
	scope, err := g.ResourceManager.OpenConnection(direction, usesFD, remote)
	if err != nil {
		taken.leave()
		return nil, err
	}
	return departure{scope, taken}, nil
}

func (g gate) place(usesFD bool, remote ma.Multiaddr) (*halfOpen, error) {
	if !usesFD {
		return g.t.quicHandshakes.enter(remote, nil)
	}
	if place := g.t.tcpHandshakes.take(remote); place != nil {
		return place, nil
	}
	return nil, errNoPlace
}

// VerifySourceAddress reports that a QUIC client must prove that it receives packets at its
// address, which costs a round trip: otherwise a stranger could take places in the name of any
// address.
func (g gate) VerifySourceAddress(net.Addr) bool { return true }

func (g gate) OpenStream(id peer.ID, direction network.Direction) (network.StreamManagementScope, error) {
	if r := g.t.peer(id); r != nil && direction == network.DirInbound && !r.opens.Allow() {
		g.t.traffic.throttled.Add(1)
		r.penalise(excess, "opened streams above its rate")
		return nil, network.ErrResourceLimitExceeded
	}
	return g.ResourceManager.OpenStream(id, direction)
}
