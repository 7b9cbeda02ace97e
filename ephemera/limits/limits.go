// Package limits derives every bound of a node from a few numbers that its operator knows: the
// number of members, the size of blocks, the rate of messages. It is pure: arithmetic only, no
// clock and no state.
//
// Need computes the most that honest members use. For returns the bounds, which exceed that, mostly
// by the factor headroom, so that honest members are never penalised. Lint warns about bounds that
// an operator set and that are unfit for production. The bounds are enforced by transport/p2p
// (Transport), package admission (Work), the core (Chain), package mempool (Mempool), the HTTP
// server (HTTP, WebSocket) and package dht (DHT). Within lowers the bounds on connections to what
// the process may have open.
//
// The package is unstable: it is public only because the modules of this repository share it.
package limits

import (
	"cmp"
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

// Config is what the bounds are derived from. Zero fields take the defaults.
type Config struct {
	// Members is the size of the largest expected group, 1..membership.MaxMembers. The default is
	// membership.MaxMembers.
	Members int
	// Group are the limits on blocks that the group's members agreed on. The default is
	// membership.DefaultLimits.
	Group membership.Limits
	// MessagesPerSecond is how many messages all senders together submit in a busy second. The
	// default is 1000.
	MessagesPerSecond int
	// MessageBytes is the payload size of a typical message. The default is 4 KiB, or the group's
	// PayloadBytes if that is less.
	MessageBytes int
	// BlocksPerSecond is how many blocks one member makes in a busy second. The default is 20.
	BlocksPerSecond int
	// MemoryBytes is how much memory the node may use. The default is 8 GiB.
	MemoryBytes int64
}

const (
	defaultMessagesPerSecond = 1000
	defaultMessageBytes      = 4 << 10
	defaultBlocksPerSecond   = 20
	defaultMemoryBytes       = 8 << 30

	// maxPerSecond bounds MessagesPerSecond and BlocksPerSecond. No machine processes more, and with
	// it no product below overflows.
	maxPerSecond = 1_000_000
)

// withDefaults fills zero fields.
func (c Config) withDefaults() Config {
	c.Members = cmp.Or(c.Members, membership.MaxMembers)
	if c.Group == (membership.Limits{}) {
		c.Group = membership.DefaultLimits()
	}
	c.MessagesPerSecond = cmp.Or(c.MessagesPerSecond, defaultMessagesPerSecond)
	c.MessageBytes = cmp.Or(c.MessageBytes, min(defaultMessageBytes, int(c.Group.PayloadBytes)))
	c.BlocksPerSecond = cmp.Or(c.BlocksPerSecond, defaultBlocksPerSecond)
	c.MemoryBytes = cmp.Or(c.MemoryBytes, defaultMemoryBytes)
	return c
}

// Validate returns an error that says which field is out of range, and what the range is.
func (c Config) Validate() error {
	c = c.withDefaults()
	for _, field := range []struct {
		name               string
		value, least, most int64
	}{
		{"Members", int64(c.Members), 1, membership.MaxMembers},
		{"MessagesPerSecond", int64(c.MessagesPerSecond), 1, maxPerSecond},
		{"MessageBytes", int64(c.MessageBytes), 1, int64(c.Group.PayloadBytes)},
		{"BlocksPerSecond", int64(c.BlocksPerSecond), 1, maxPerSecond},
		{"MemoryBytes", c.MemoryBytes, 1, 1 << 50},
	} {
		if field.value < field.least || field.value > field.most {
			return fmt.Errorf("limits: %s is %d, expected %d..%d", field.name, field.value, field.least, field.most)
		}
	}
	_, err := c.largestGroup()
	return err
}

// largestGroup returns a group with the configured number of members and limits. The size of a
// frame depends on nothing else.
func (c Config) largestGroup() (*membership.Group, error) {
	members := make([]keys.Public, c.Members)
	for i := range members {
		members[i] = keys.Public{byte(i), byte(i >> 8), 1} // of no small order
	}
	group, err := membership.NewGroup("limits", 1, members, c.Group)
	if err != nil {
		return nil, fmt.Errorf("limits: Group: %w", err)
	}
	return group, nil
}

// Limits are the bounds of one node.
type Limits struct {
	Transport Transport
	Chain     Chain
	Work      admission.Limits
	Mempool   mempool.Limits
	HTTP      HTTP
	WebSocket WebSocket
	DHT       DHT
}

// Transport bounds what a node exchanges with its peers. Rates are token buckets for what arrives
// from each peer: a burst is what may arrive at once after a quiet period.
type Transport struct {
	// Peers bounds the connected members: those of two groups during a hand-over (PROTOCOL.md R9).
	Peers      int
	FrameBytes int // size of a frame, direct or gossip

	QueueFrames int // frames waiting to be sent to one peer
	QueueBytes  int // bytes waiting to be sent to one peer; half of them may be messages
	// GossipFrames bounds each of gossip's queues: the node's own, the validators', each peer's,
	// and the messages that wait for a direct stream to a peer. Of the validators', each of Peers
	// has its share and at most FrameBytes.
	GossipFrames int

	FramesPerSecond, FramesBurst int // direct frames from one peer
	BytesPerSecond, BytesBurst   int // bytes of direct frames from one peer
	// What comes from one peer by GossipSub or as messages on direct streams:
	GossipFramesPerSecond, GossipFramesBurst int // frames and control entries
	GossipBytesPerSecond, GossipBytesBurst   int // bytes

	Connections                  int   // open connections with all peers
	ConnectionsPerPeer           int   // open connections with one peer
	StreamsPerPeer               int   // open streams with one peer, of all protocols
	StreamsPerSecond             int   // streams that one peer opens, with a burst of 4·StreamsPerPeer
	Handshakes                   int   // incoming connections whose peer is not known yet
	AddressPerSecond             int   // connections from one address (IPv4, or IPv6 /64)
	AddressBurst                 int   // burst of AddressPerSecond
	PeerMemoryBytes, MemoryBytes int64 // memory that libp2p reserves for one peer, and for all

	Conduct Conduct
}

// Conduct says when a peer that floods, stalls or sends garbage is cut off, and for how long. Each
// offence has a weight. The weights are tokens of a bucket of size Patience that refills at the
// rate Forgiven. A peer that empties it is cut off for First, the next time for twice as long, and
// so on up to Longest. A peer without offences for Longest after a cut starts again with First.
type Conduct struct {
	Patience int           // weight
	Forgiven int           // weight per second
	First    time.Duration // length of the first cut
	Longest  time.Duration // greatest length of a cut
}

// HTTP bounds the API server.
type HTTP struct {
	BodyBytes         int // body of one request, in which a payload is hexadecimal or base64
	HeaderBytes       int // header of one request
	Connections       int // open connections
	AdminConnections  int // open connections of the operator's API
	RequestsPerSecond int // requests of one client
	// MemoryBytes bounds the bodies that are being read and the answers that are being written.
	MemoryBytes int64
}

// WebSocket bounds subscribers.
type WebSocket struct {
	Subscribers  int // open connections
	MessageBytes int // size of one message from a client
}

// DHT bounds the distributed hash table.
type DHT struct {
	ValueBytes       int // size of one value
	RecordsPerMember int // records of one author at this node; a further one replaces the oldest
}

// headroom is the factor by which a rate exceeds what honest members need.
const headroom = 4

// For derives the bounds. It returns the error of Config.Validate.
func For(c Config) (Limits, error) {
	l, err := Need(c)
	if err != nil {
		return Limits{}, err
	}
	t := &l.Transport
	t.FramesPerSecond *= headroom
	t.BytesPerSecond *= headroom
	t.GossipFramesPerSecond *= headroom
	t.GossipBytesPerSecond *= headroom
	t.QueueFrames *= headroom
	t.QueueBytes *= headroom
	t.GossipFrames *= headroom
	// A peer that reconnects sends at once what waited for this node: full queues, which have the
	// same bounds as this node's.
	t.FramesBurst = max(t.FramesPerSecond, t.QueueFrames)
	t.BytesBurst = max(t.BytesPerSecond, t.QueueBytes)
	t.GossipFramesBurst = max(t.GossipFramesPerSecond, t.GossipFrames)
	t.GossipBytesBurst = max(t.GossipBytesPerSecond, t.QueueBytes)
	t.ConnectionsPerPeer *= headroom
	t.Connections *= headroom
	t.StreamsPerPeer *= headroom
	t.StreamsPerSecond *= headroom
	t.Handshakes *= headroom
	t.AddressPerSecond *= headroom
	t.AddressBurst *= headroom
	t.PeerMemoryBytes *= headroom
	// Even if f members of each group use all that they may, enough is left for the others.
	t.MemoryBytes = 2*t.MemoryBytes + int64(openGroups*quorum.Faulty(c.withDefaults().Members))*t.PeerMemoryBytes
	t.Conduct = Conduct{Patience: 2 * t.Conduct.Patience, Forgiven: 2 * t.Conduct.Forgiven, First: 5 * time.Second, Longest: 5 * time.Minute}

	l.Chain.BytesPerSecond *= headroom
	l.Chain.BytesBurst *= headroom
	w := &l.Work
	w.ChecksPerSecond *= headroom
	w.BytesPerSecond *= headroom
	w.ServedPerSecond *= 2 // it may wait: catching up takes as long as it takes
	w.SenderChecksPerSecond *= headroom
	// As for the transport: what waited for this node arrives at once.
	w.ChecksBurst = max(w.ChecksPerSecond, w.ChecksBurst)
	w.BytesBurst *= headroom
	w.ServedBurst *= 2
	w.SenderChecksBurst = w.SenderChecksPerSecond
	w.Wait *= 2

	l.Mempool.Messages *= headroom
	l.Mempool.Bytes *= 2
	l.Mempool.PerSender *= headroom
	l.Mempool.SenderBytes *= 2
	l.Mempool.TTL, l.Mempool.Skew = time.Hour, time.Minute
	// The mempool remembers a message that left it for as long as it could be sent again, which takes
	// about 100 bytes each.
	l.Mempool.Known = min(max(4*l.Mempool.Messages, c.withDefaults().MessagesPerSecond*int(time.Hour/time.Second)), maxKnown)

	l.HTTP.BodyBytes *= 2
	l.HTTP.HeaderBytes *= headroom
	l.HTTP.Connections *= headroom
	l.HTTP.AdminConnections *= headroom
	l.HTTP.RequestsPerSecond *= 2
	l.HTTP.MemoryBytes *= 2
	l.WebSocket.Subscribers *= headroom
	l.WebSocket.MessageBytes *= 2
	l.DHT.RecordsPerMember *= headroom
	return l, nil
}

// maxKnown bounds the messages that the mempool remembers after they left it. They take about 200
// MB.
const maxKnown = 2 << 20

// Or returns t with zero fields replaced by those of other.
func (t Transport) Or(other Transport) Transport {
	for _, field := range []struct {
		value *int
		other int
	}{
		{&t.Peers, other.Peers},
		{&t.FrameBytes, other.FrameBytes},
		{&t.QueueFrames, other.QueueFrames},
		{&t.QueueBytes, other.QueueBytes},
		{&t.GossipFrames, other.GossipFrames},
		{&t.FramesPerSecond, other.FramesPerSecond},
		{&t.FramesBurst, other.FramesBurst},
		{&t.BytesPerSecond, other.BytesPerSecond},
		{&t.BytesBurst, other.BytesBurst},
		{&t.GossipFramesPerSecond, other.GossipFramesPerSecond},
		{&t.GossipFramesBurst, other.GossipFramesBurst},
		{&t.GossipBytesPerSecond, other.GossipBytesPerSecond},
		{&t.GossipBytesBurst, other.GossipBytesBurst},
		{&t.Connections, other.Connections},
		{&t.ConnectionsPerPeer, other.ConnectionsPerPeer},
		{&t.StreamsPerPeer, other.StreamsPerPeer},
		{&t.StreamsPerSecond, other.StreamsPerSecond},
		{&t.Handshakes, other.Handshakes},
		{&t.AddressPerSecond, other.AddressPerSecond},
		{&t.AddressBurst, other.AddressBurst},
		{&t.Conduct.Patience, other.Conduct.Patience},
		{&t.Conduct.Forgiven, other.Conduct.Forgiven},
	} {
		*field.value = cmp.Or(*field.value, field.other)
	}
	t.PeerMemoryBytes = cmp.Or(t.PeerMemoryBytes, other.PeerMemoryBytes)
	t.MemoryBytes = cmp.Or(t.MemoryBytes, other.MemoryBytes)
	t.Conduct.First = cmp.Or(t.Conduct.First, other.Conduct.First)
	t.Conduct.Longest = cmp.Or(t.Conduct.Longest, other.Conduct.Longest)
	return t
}
