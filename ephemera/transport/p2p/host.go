package p2p

import (
	"fmt"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// peerID returns the libp2p peer ID of a member's key: the same bytes that keys.Public.PeerID
// prints.
func peerID(key keys.Public) peer.ID {
	public, err := crypto.UnmarshalEd25519PublicKey(key[:])
	if err != nil {
		panic(fmt.Sprintf("p2p: 32 bytes are an Ed25519 key: %v", err))
	}
	id, err := peer.IDFromPublicKey(public)
	if err != nil {
		panic(fmt.Sprintf("p2p: an Ed25519 key has a peer ID: %v", err))
	}
	return id
}

// open makes the host and its listeners.
func (t *Transport) open() error {
	options, err := t.config.hostOptions()
	if err != nil {
		return err
	}
	bounds, err := resources(t.config.Limits)
	if err != nil {
		return err
	}
	options = append(options, libp2p.ConnectionGater(gater{t}), libp2p.ResourceManager(streamGate{bounds, t}))
	t.host, err = libp2p.New(append(options, t.config.HostOptions...)...)
	if err != nil {
		return fmt.Errorf("make libp2p host: %w", err)
	}
	// Listen only now, so that no connection comes before someone counts it.
	t.host.Network().Notify((*notifiee)(t))
	listen, err := parseAddresses(t.config.Listen)
	if err == nil {
		err = t.host.Network().Listen(listen...)
	}
	if err != nil {
		_ = t.Close() // what matters is why it does not listen
		return fmt.Errorf("listen on %v: %w", t.config.Listen, err)
	}
	return nil
}

// hostOptions leave out whatever finds, relays or tells addresses: members know each other's.
func (c Config) hostOptions() ([]libp2p.Option, error) {
	seed, public := c.Key.Seed(), c.Key.Public()
	identity, err := crypto.UnmarshalEd25519PrivateKey(append(seed[:], public[:]...))
	if err != nil {
		return nil, fmt.Errorf("libp2p identity: %w", err)
	}
	options := []libp2p.Option{
		libp2p.Identity(identity),
		libp2p.NoListenAddrs,
		libp2p.Security(noise.ID, noise.New),
		libp2p.ConnectionManager(connmgr.NullConnMgr{}), // the gater bounds who, the resource manager how many
		libp2p.DisableRelay(),
		libp2p.Ping(false),               // answerPings does, at a bounded rate
		libp2p.ForceReachabilityPublic(), // nobody is asked whether we are reachable
		libp2p.DisableMetrics(),
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.UDPBlackHoleSuccessCounter(nil),
		libp2p.IPv6BlackHoleSuccessCounter(nil),
		libp2p.UserAgent("ephemera"),
		libp2p.WithDialTimeout(c.DialTimeout),
	}
	if c.usesTCP() {
		// With SO_REUSEPORT a second node on a port in use would not be refused, and half of the
		// connections lost in it.
		options = append(options, libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()))
	}
	if c.QUIC {
		options = append(options, libp2p.Transport(libp2pquic.NewTransport))
	}
	if len(c.Announce) > 0 {
		announce, err := parseAddresses(c.Announce)
		if err != nil {
			return nil, err
		}
		options = append(options, libp2p.AddrsFactory(func([]ma.Multiaddr) []ma.Multiaddr { return announce }))
	}
	return options, nil
}

// gater admits members that are not cut off, in both directions, while the transport runs. Who
// knocks shows in the handshake.
type gater struct{ t *Transport }

func (g gater) admits(id peer.ID) bool {
	r := g.t.peer(id)
	return r != nil && !r.isCut() && g.t.isRunning()
}

func (g gater) InterceptPeerDial(id peer.ID) bool                 { return g.admits(id) }
func (g gater) InterceptAddrDial(id peer.ID, _ ma.Multiaddr) bool { return g.admits(id) }
func (g gater) InterceptAccept(network.ConnMultiaddrs) bool       { return g.t.isRunning() }

func (g gater) InterceptSecured(_ network.Direction, id peer.ID, _ network.ConnMultiaddrs) bool {
	return g.admits(id)
}

func (g gater) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

// notifiee counts the connections of each member.
type notifiee Transport

func (n *notifiee) Listen(network.Network, ma.Multiaddr)      {}
func (n *notifiee) ListenClose(network.Network, ma.Multiaddr) {}

func (n *notifiee) Connected(_ network.Network, conn network.Conn) {
	if r := (*Transport)(n).peer(conn.RemotePeer()); r != nil {
		r.opened(conn)
	}
}

func (n *notifiee) Disconnected(_ network.Network, conn network.Conn) {
	if r := (*Transport)(n).peer(conn.RemotePeer()); r != nil {
		r.ended(conn)
	}
}
