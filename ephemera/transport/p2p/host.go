package p2p

import (
	"fmt"
	"net"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// peerID returns the libp2p peer ID of a member's key, which keys.Public.PeerID prints.
func peerID(key keys.Public) peer.ID {
	public, err := crypto.UnmarshalEd25519PublicKey(key[:])
	if err != nil {
		panic(fmt.Sprintf("p2p: decode a public key of 32 bytes: %v", err))
	}
	id, err := peer.IDFromPublicKey(public)
	if err != nil {
		panic(fmt.Sprintf("p2p: derive the peer ID of an Ed25519 key: %v", err))
	}
	return id
}

// open creates the host and opens its listeners.
func (t *Transport) open() error {
	options, err := t.config.hostOptions()
	if err != nil {
		return err
	}
	bounds, err := resources(t.config.Limits)
	if err != nil {
		return err
	}
	options = append(options, libp2p.ConnectionGater(gater{t}), libp2p.ResourceManager(gate{bounds, t}))
	t.host, err = libp2p.New(append(options, t.config.HostOptions...)...)
	if err != nil {
		return fmt.Errorf("create libp2p host: %w", err)
	}
	// Listen only now, so that notifiee sees every connection.
	t.host.Network().Notify((*notifiee)(t))
	if err := t.listen(); err != nil {
		_ = t.Close() // the error of listen is the one to report
		return err
	}
	return nil
}

// listen opens the listeners one by one: of several addresses, libp2p leaves out those that it
// cannot listen on.
func (t *Transport) listen() error {
	addresses, err := parseAddresses(t.config.Listen)
	if err != nil {
		return fmt.Errorf("listen address: %w", err)
	}
	for _, one := range addresses {
		if err := t.host.Network().Listen(one); err != nil {
			return fmt.Errorf("listen on %s: %w (choose another address, or leave it out; port 0 takes a free one)", one, err)
		}
	}
	return nil
}

// hostOptions returns the options of the host. They disable everything in libp2p that discovers,
// relays or exchanges addresses, because members know each other's addresses.
func (c Config) hostOptions() ([]libp2p.Option, error) {
	seed, public := c.Key.Seed(), c.Key.Public()
	identity, err := crypto.UnmarshalEd25519PrivateKey(append(seed[:], public[:]...))
	if err != nil {
		return nil, fmt.Errorf("create libp2p identity: %w", err)
	}
	muxer := *yamux.DefaultTransport
	// keepAlive pings each member. Yamux would also close the connection of one that is only busy: it
	// waits for ten seconds whatever PingTimeout is, and counts no other frames as a sign of life.
	muxer.EnableKeepAlive = false
	options := []libp2p.Option{
		libp2p.Identity(identity),
		libp2p.Muxer(yamux.ID, &muxer),
		libp2p.NoListenAddrs,
		libp2p.Security(noise.ID, noise.New),
		libp2p.ConnectionManager(connmgr.NullConnMgr{}), // gater and resource manager bound connections
		libp2p.DisableRelay(),
		libp2p.Ping(false),               // answerPings takes its place
		libp2p.ForceReachabilityPublic(), // asks no peer whether this node is reachable
		libp2p.DisableMetrics(),
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.UDPBlackHoleSuccessCounter(nil),
		libp2p.IPv6BlackHoleSuccessCounter(nil),
		libp2p.UserAgent("ephemera"),
		libp2p.WithDialTimeout(c.DialTimeout),
	}
	if c.usesTCP() {
		// With SO_REUSEPORT, a second node could listen on the same port, and would take half of the
		// connections.
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

// gater admits connections to and from members that are not cut off, while the transport runs. An
// incoming connection's peer is known after the handshake only.
type gater struct{ t *Transport }

func (g gater) admits(id peer.ID) bool {
	r := g.t.peer(id)
	return r != nil && !r.isCutOff() && g.t.isRunning()
}

func (g gater) InterceptPeerDial(id peer.ID) bool                 { return g.admits(id) }
func (g gater) InterceptAddrDial(id peer.ID, _ ma.Multiaddr) bool { return g.admits(id) }

// InterceptAccept is called for a TCP connection before its handshake, and for a QUIC connection
// after it.
func (g gater) InterceptAccept(addresses network.ConnMultiaddrs) bool {
	if !g.t.isRunning() {
		return false
	}
	conn, ok := addresses.(net.Conn)
	return !ok || g.t.tcpHandshakes.accept(conn, addresses.RemoteMultiaddr())
}

func (g gater) InterceptSecured(direction network.Direction, id peer.ID, _ network.ConnMultiaddrs) bool {
	if direction == network.DirInbound {
		g.t.admitGuest(id)
	}
	return g.admits(id)
}

func (g gater) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

// notifiee tracks the connections of each member.
type notifiee Transport

func (n *notifiee) Listen(network.Network, ma.Multiaddr)      {}
func (n *notifiee) ListenClose(network.Network, ma.Multiaddr) {}

func (n *notifiee) Connected(_ network.Network, conn network.Conn) {
	if r := (*Transport)(n).peer(conn.RemotePeer()); r != nil {
		if conn.Stat().Direction == network.DirInbound {
			(*Transport)(n).arrived()
		}
		r.connOpened(conn)
		(*Transport)(n).placeMembers()
	}
}

func (n *notifiee) Disconnected(_ network.Network, conn network.Conn) {
	if r := (*Transport)(n).peer(conn.RemotePeer()); r != nil {
		r.connClosed(conn)
	}
}
