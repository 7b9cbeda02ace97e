package p2p

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"

	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
)

// resources returns libp2p's resource manager with the bounds of package limits. It lifts libp2p's
// bound on connections from one address, because members may share an address. A rate limit for
// each address takes its place, so that connection attempts of strangers do not keep members out.
func resources(l limits.Transport) (network.ResourceManager, error) {
	connections := rcmgr.LimitVal(l.ConnectionsPerPeer*l.Peers + l.Handshakes)
	streams, ofPeer := rcmgr.LimitVal(l.StreamsPerPeer*l.Peers), rcmgr.LimitVal(l.StreamsPerPeer)
	handshakes, connectionsOfPeer := rcmgr.LimitVal(l.Handshakes), rcmgr.LimitVal(l.ConnectionsPerPeer)
	all := rcmgr.PartialLimitConfig{
		System: rcmgr.ResourceLimits{
			Conns: connections, ConnsInbound: connections, ConnsOutbound: connections, FD: connections,
			Streams: streams, StreamsInbound: streams, StreamsOutbound: streams, Memory: rcmgr.LimitVal64(l.MemoryBytes),
		},
		Transient: rcmgr.ResourceLimits{
			Conns: handshakes, ConnsInbound: handshakes, ConnsOutbound: handshakes, FD: handshakes,
			Streams: streams, StreamsInbound: streams, StreamsOutbound: streams, Memory: rcmgr.LimitVal64(l.MemoryBytes),
		},
		PeerDefault: rcmgr.ResourceLimits{
			Conns: connectionsOfPeer, ConnsInbound: connectionsOfPeer, ConnsOutbound: connectionsOfPeer, FD: connectionsOfPeer,
			Streams: ofPeer, StreamsInbound: ofPeer, StreamsOutbound: ofPeer, Memory: rcmgr.LimitVal64(l.PeerMemoryBytes),
		},
	}.Build(rcmgr.InfiniteLimits)
	perAddress := rate.Limit{RPS: float64(l.AddressPerSecond), Burst: l.AddressBurst}
	unbounded4 := []rcmgr.NetworkPrefixLimit{{Network: netip.MustParsePrefix("0.0.0.0/0"), ConnCount: math.MaxInt}}
	unbounded6 := []rcmgr.NetworkPrefixLimit{{Network: netip.MustParsePrefix("::/0"), ConnCount: math.MaxInt}}
	manager, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(all), rcmgr.WithMetricsDisabled(),
		rcmgr.WithNetworkPrefixLimit(unbounded4, unbounded6),
		rcmgr.WithConnRateLimiters(&rate.Limiter{SubnetRateLimiter: rate.SubnetLimiter{
			IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: perAddress}},
			IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 64, Limit: perAddress}},
			GracePeriod:      time.Minute,
		}}))
	if err != nil {
		return nil, fmt.Errorf("create libp2p resource manager: %w", err)
	}
	return manager, nil
}

// streamGate limits the rate at which a peer opens streams: each of them costs a negotiation before
// its protocol is known.
type streamGate struct {
	network.ResourceManager
	t *Transport
}

func (g streamGate) OpenStream(id peer.ID, direction network.Direction) (network.StreamManagementScope, error) {
	if r := g.t.peer(id); r != nil && direction == network.DirInbound && !r.opens.Allow() {
		g.t.traffic.throttled.Add(1)
		r.penalise(excess, "opened streams above its rate")
		return nil, network.ErrResourceLimitExceeded
	}
	return g.ResourceManager.OpenStream(id, direction)
}
