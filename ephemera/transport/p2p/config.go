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

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// Config says who we are, whom we talk to, and how much of it is held in memory. Zero values of
// everything below Peers stand for defaults.
type Config struct {
	// Network names the protocol and the gossip topic: nodes of other networks do not understand each
	// other. Groups of one network share them, so that members gossip with each other during a
	// hand-over; who is a member the receiver knows.
	Network string
	Key     keys.Private
	// Listen are multiaddrs to listen on; none: a free TCP port of 127.0.0.1. A /udp/…/quic-v1 address
	// needs QUIC.
	Listen []string
	// Announce are the multiaddrs under which others reach us, where they differ from those we listen
	// on (/dns4/…/tcp/…).
	Announce []string
	// Peers are the members to talk to; an entry with our own key is skipped. SetPeers changes them.
	Peers []membership.Peer

	// Gossip says how messages spread: Flood, Mesh or Off.
	Gossip Mode
	// QUIC adds the QUIC transport to TCP.
	QUIC bool
	// Limits bound frames, queues, rates, connections and streams, and say when a peer is cut off.
	// Zero fields are those that limits.For derives for membership.MaxMembers members and the default
	// limits of a group.
	Limits limits.Transport
	// DialTimeout bounds one attempt to connect or to open a stream. Default 5 s.
	DialTimeout time.Duration
	// StallTimeout is how long a peer may take to accept 64 KiB of what we write, or to send as much
	// of the rest of a frame. Then the stream is reset and another one opened. Default 10 s.
	StallTimeout time.Duration
	// PingInterval is the time between two pings of a connected member, and PingTimeout how long it
	// may take to answer or to send anything else. A member that does not is disconnected and dialled
	// anew. Default 15 s and 10 s.
	PingInterval, PingTimeout time.Duration
	// Backoff is the waiting between attempts to connect. Default 100 ms doubling to 5 s.
	Backoff transport.Backoff
	// HostOptions are given to libp2p after our own: other transports, a virtual network, Prometheus.
	HostOptions []libp2p.Option
	// Logger may be nil.
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
		panic(fmt.Sprintf("p2p: the default limits: %v", err))
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

// Validate tells whether New can use the configuration.
func (c Config) Validate() error {
	c = c.withDefaults()
	var bad []error
	if err := membership.CheckNetwork(c.Network); err != nil {
		bad = append(bad, err)
	}
	if c.Key.Public() == (keys.Public{}) {
		bad = append(bad, errors.New("transport has no key"))
	}
	if _, known := modeNames[c.Gossip]; !known {
		bad = append(bad, fmt.Errorf("gossip mode %d is not known, set Flood, Mesh or Off", c.Gossip))
	}
	bad = append(bad, checkLimits(c.Limits))
	if least := min(c.DialTimeout, c.StallTimeout, c.PingInterval, c.PingTimeout, c.Backoff.First); least < 0 {
		bad = append(bad, fmt.Errorf("transport waits %s somewhere: waits must not be negative", least))
	}
	if _, err := parseAddresses(c.Listen); err != nil {
		bad = append(bad, fmt.Errorf("listen address: %w", err))
	}
	if _, err := parseAddresses(c.Announce); err != nil {
		bad = append(bad, fmt.Errorf("announced address: %w", err))
	}
	if _, err := parsePeers(c.Key.Public(), c.Peers); err != nil {
		bad = append(bad, err)
	}
	if len(c.Peers) > c.Limits.Peers {
		bad = append(bad, fmt.Errorf("%d peers, at most %d", len(c.Peers), c.Limits.Peers))
	}
	return errors.Join(bad...)
}

// checkLimits refuses bounds with which nothing works; what is merely unwise limits.Lint says.
func checkLimits(l limits.Transport) error {
	least := min(
		l.Peers, l.FrameBytes, l.QueueFrames, l.GossipFrames, l.FramesPerSecond, l.FramesBurst, l.BytesPerSecond, l.GossipFramesPerSecond,
		l.GossipFramesBurst, l.GossipBytesPerSecond, l.ConnectionsPerPeer, l.StreamsPerPeer, l.StreamsPerSecond, l.Handshakes,
		l.AddressPerSecond, l.AddressBurst, l.Conduct.Patience, l.Conduct.Forgiven, int(l.Conduct.First), int(l.Conduct.Longest),
	)
	switch {
	case least < 0 || min(l.PeerMemoryBytes, l.MemoryBytes) < 0:
		return errors.New("transport bounds must not be negative")
	case l.QueueBytes < l.FrameBytes:
		return fmt.Errorf("transport queue of %d bytes does not hold one frame of %d: raise QueueBytes", l.QueueBytes, l.FrameBytes)
	case min(l.BytesBurst, l.GossipBytesBurst) < l.FrameBytes+rpcOverhead:
		return fmt.Errorf("bursts of %d and %d bytes do not let in one frame of %d: raise BytesBurst and GossipBytesBurst",
			l.BytesBurst, l.GossipBytesBurst, l.FrameBytes)
	case l.Conduct.Longest < l.Conduct.First:
		return fmt.Errorf("cuts begin with %s, longer than the longest of %s", l.Conduct.First, l.Conduct.Longest)
	}
	return nil
}

// usesTCP tells whether we listen on TCP at all: a virtual network brings its own transport
// instead.
func (c Config) usesTCP() bool {
	for _, address := range c.Listen {
		if strings.Contains(address, "/tcp/") {
			return true
		}
	}
	return false
}

// CheckAddresses tells whether these are multiaddrs that a transport can listen on, announce or
// dial.
func CheckAddresses(texts ...string) error {
	_, err := parseAddresses(texts)
	return err
}

func parseAddresses(texts []string) ([]ma.Multiaddr, error) {
	addresses := make([]ma.Multiaddr, 0, len(texts))
	for _, text := range texts {
		address, err := ma.NewMultiaddr(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no multiaddr like /ip4/192.0.2.1/tcp/3000 or /dns4/host/tcp/3000: %w", text, err)
		}
		if _, err := address.ValueForProtocol(ma.P_P2P); err == nil {
			return nil, fmt.Errorf("%q holds a peer ID, leave /p2p/… out: the key says whom to expect", text)
		}
		addresses = append(addresses, address)
	}
	return addresses, nil
}
