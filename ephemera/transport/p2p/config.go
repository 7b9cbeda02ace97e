package p2p

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// Config configures a Transport. Network and Key are required; zero values of the other fields
// stand for defaults.
type Config struct {
	// Network is part of the protocol ID and of the gossip topic, so that nodes of different networks
	// cannot talk to each other. All groups of a network share both: members of two groups gossip with
	// each other during a hand-over, and the receiver decides who is a member.
	Network string
	// Key is the node's identity.
	Key keys.Private
	// Listen are the multiaddrs to listen on. Default: a free TCP port of 127.0.0.1. An address like
	// /ip4/…/udp/…/quic-v1 requires QUIC.
	Listen []string
	// Announce are the multiaddrs under which other members reach this node, if they differ from
	// Listen, like /dns4/…/tcp/….
	Announce []string
	// Peers are the members to talk to. An entry with the node's own key is skipped. SetPeers replaces
	// them.
	Peers []membership.Peer

	// Gossip is the way in which the node's messages spread: Flood, Mesh, Direct or Off.
	Gossip Mode
	// QUIC enables the QUIC transport in addition to TCP.
	QUIC bool
	// Limits bound frames, queues, rates, connections and streams, and define when a peer is cut off.
	// Zero fields have the values that limits.For derives for membership.MaxMembers members and the
	// default limits of a group.
	Limits limits.Transport
	// DialTimeout bounds one attempt to connect or to open a stream, and the handshake of an incoming
	// connection. Default 5 s.
	DialTimeout time.Duration
	// StallTimeout bounds how long a peer may take to accept 64 KiB of a frame, or to send the next
	// 64 KiB of one. After that, the stream is reset and another one opened. Default 10 s.
	StallTimeout time.Duration
	// PingInterval is the time between two pings of a connected member. A member that sends neither an
	// answer nor any frame within PingTimeout is disconnected and dialled again. Defaults 15 s and
	// 10 s.
	PingInterval, PingTimeout time.Duration
	// Backoff configures the waits between attempts to connect. Default 100 ms, doubling to 5 s.
	Backoff transport.Backoff
	// HostOptions are passed to libp2p after the transport's own options: other transports, a
	// simulated network, Prometheus.
	HostOptions []libp2p.Option
	// Logger receives the log. Default: none.
	Logger *slog.Logger
}

const (
	defaultListen       = "/ip4/127.0.0.1/tcp/0"
	defaultDialTimeout  = 5 * time.Second
	defaultStallTimeout = 10 * time.Second
	defaultPingInterval = 15 * time.Second
	defaultPingTimeout  = 10 * time.Second
	defaultBackoffFirst = 100 * time.Millisecond
	defaultBackoffCap   = 5 * time.Second
)

func (c Config) withDefaults() Config {
	if len(c.Listen) == 0 {
		c.Listen = []string{defaultListen}
	}
	derived, err := limits.For(limits.Config{})
	if err != nil {
		panic(fmt.Sprintf("p2p: derive the default limits: %v", err))
	}
	c.Limits = c.Limits.Or(derived.Transport)
	c.DialTimeout = cmp.Or(c.DialTimeout, defaultDialTimeout)
	c.StallTimeout = cmp.Or(c.StallTimeout, defaultStallTimeout)
	c.PingInterval = cmp.Or(c.PingInterval, defaultPingInterval)
	c.PingTimeout = cmp.Or(c.PingTimeout, defaultPingTimeout)
	c.Backoff.First = cmp.Or(c.Backoff.First, defaultBackoffFirst)
	c.Backoff.Cap = max(c.Backoff.First, cmp.Or(c.Backoff.Cap, defaultBackoffCap))
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate returns an error that lists everything that keeps New from using the configuration.
func (c Config) Validate() error {
	c = c.withDefaults()
	var bad []error
	if err := membership.CheckNetwork(c.Network); err != nil {
		bad = append(bad, err)
	}
	if c.Key.Public() == (keys.Public{}) {
		bad = append(bad, errors.New("no key: set Key to the node's key"))
	}
	if _, known := modeNames[c.Gossip]; !known {
		bad = append(bad, fmt.Errorf("unknown gossip mode %d, expected Flood, Mesh, Direct or Off", c.Gossip))
	}
	bad = append(bad, checkLimits(c.Limits))
	if least := min(c.DialTimeout, c.StallTimeout, c.PingInterval, c.PingTimeout, c.Backoff.First); least < 0 {
		bad = append(bad, fmt.Errorf("the shortest timeout or backoff is %s: none may be negative", least))
	}
	if _, err := parseAddresses(c.Listen); err != nil {
		bad = append(bad, fmt.Errorf("listen address: %w", err))
	}
	if err := CheckAnnounce(c.Announce...); err != nil {
		bad = append(bad, fmt.Errorf("announced address: %w", err))
	}
	if _, _, err := parsePeers(c.Key.Public(), c.Peers); err != nil {
		bad = append(bad, err)
	}
	if len(c.Peers) > c.Limits.Peers {
		bad = append(bad, tooManyPeers(len(c.Peers), c.Limits.Peers))
	}
	if err := errors.Join(bad...); err != nil {
		return fmt.Errorf("p2p configuration: %w", err)
	}
	return nil
}

func tooManyPeers(count, limit int) error {
	return fmt.Errorf("%d peers, at most %d: raise Limits.Peers or list fewer", count, limit)
}

// checkLimits returns an error for bounds with which the transport cannot work. limits.Lint finds
// those that are merely unwise.
func checkLimits(l limits.Transport) error {
	least := min(
		l.Peers, l.FrameBytes, l.QueueFrames, l.GossipFrames, l.FramesPerSecond, l.FramesBurst, l.BytesPerSecond, l.GossipFramesPerSecond,
		l.GossipFramesBurst, l.GossipBytesPerSecond, l.Connections, l.ConnectionsPerPeer, l.StreamsPerPeer, l.StreamsPerSecond, l.Handshakes,
		l.AddressPerSecond, l.AddressBurst, l.Conduct.Patience, l.Conduct.Forgiven, int(l.Conduct.First), int(l.Conduct.Longest),
	)
	switch {
	case least < 0 || min(l.PeerMemoryBytes, l.MemoryBytes) < 0:
		return errors.New("a bound in Limits is negative: none may be")
	case l.QueueBytes < l.FrameBytes:
		return fmt.Errorf("a queue of %d bytes cannot hold one frame of %d: raise Limits.QueueBytes", l.QueueBytes, l.FrameBytes)
	case min(l.BytesBurst, l.GossipBytesBurst) < l.FrameBytes+rpcOverhead:
		return fmt.Errorf("bursts of %d and %d bytes do not admit one frame of %d: raise Limits.BytesBurst and Limits.GossipBytesBurst",
			l.BytesBurst, l.GossipBytesBurst, l.FrameBytes)
	case l.Conduct.Longest < l.Conduct.First:
		return fmt.Errorf("the first cut of %s is longer than the longest of %s: raise Limits.Conduct.Longest", l.Conduct.First, l.Conduct.Longest)
	}
	return nil
}

// usesTCP reports whether the configuration listens on TCP. A simulated network does not, and
// brings its own transport.
func (c Config) usesTCP() bool {
	for _, listen := range c.Listen {
		if strings.Contains(listen, "/tcp/") {
			return true
		}
	}
	return false
}

// CheckListen returns an error unless a transport can listen on all addresses.
func CheckListen(quic bool, texts ...string) error {
	for _, text := range texts {
		if err := address.Listenable(text, quic); err != nil {
			return err
		}
	}
	return nil
}

// CheckAnnounce returns an error unless other members may dial all addresses.
func CheckAnnounce(texts ...string) error {
	_, err := address.Usable(texts)
	return err
}

func parseAddresses(texts []string) ([]ma.Multiaddr, error) {
	addresses := make([]ma.Multiaddr, 0, len(texts))
	for _, text := range texts {
		parsed, err := address.Parse(text)
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, parsed)
	}
	return addresses, nil
}
