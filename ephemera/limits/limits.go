// Package limits derives every bound of a node from a few numbers that its operator knows: how many
// members, how large the blocks, how many messages. Nothing else in the repository guesses such a
// number. It is pure: arithmetic only, no clock and no state.
//
// Need computes what a group of honest members uses at worst; For gives the bounds, which are above
// that by Headroom, so that nobody is ever punished for honest work; Lint says which of an
// operator's own bounds are not fit for production. Who holds the bounds: transport/p2p
// (Transport), package mempool (Mempool), the HTTP server (HTTP, WebSocket), package dht (DHT).
package limits

import (
	"cmp"
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

// Config is what the bounds are derived from. Zero fields take the defaults.
type Config struct {
	// Members is n of the largest group that is expected, 1..membership.MaxMembers. Default
	// membership.MaxMembers.
	Members int
	// Group are the limits on blocks that the group's members agreed on. Default
	// membership.DefaultLimits.
	Group membership.Limits
	// MessagesPerSecond is how many messages all senders together submit in a busy second. Default
	// 1000.
	MessagesPerSecond int
	// MessageBytes is the payload of a usual message, in bytes. Default 4 KiB, at most the group's
	// PayloadBytes.
	MessageBytes int
	// BlocksPerSecond is how many own blocks one member makes in a busy second. Default 20.
	BlocksPerSecond int
	// MemoryBytes is what the node may use of the machine, in bytes. Default 8 GiB.
	MemoryBytes int64
}

const (
	defaultMessagesPerSecond = 1000
	defaultMessageBytes      = 4 << 10
	defaultBlocksPerSecond   = 20
	defaultMemoryBytes       = 8 << 30

	mostPerSecond = 1_000_000 // of messages and blocks: no machine does more, and no product below overflows
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

// Validate tells whether bounds can be derived, and what to set where they cannot.
func (c Config) Validate() error {
	c = c.withDefaults()
	for _, field := range []struct {
		name               string
		value, least, most int64
	}{
		{"Members", int64(c.Members), 1, membership.MaxMembers},
		{"MessagesPerSecond", int64(c.MessagesPerSecond), 1, mostPerSecond},
		{"MessageBytes", int64(c.MessageBytes), 1, int64(c.Group.PayloadBytes)},
		{"BlocksPerSecond", int64(c.BlocksPerSecond), 1, mostPerSecond},
		{"MemoryBytes", c.MemoryBytes, 1, 1 << 50},
	} {
		if field.value < field.least || field.value > field.most {
			return fmt.Errorf("limits: %s is %d, expected %d..%d", field.name, field.value, field.least, field.most)
		}
	}
	_, err := c.largestGroup()
	return err
}

// largestGroup stands for any group of Members with these limits: what a frame can hold depends on
// nothing else.
func (c Config) largestGroup() (*membership.Group, error) {
	members := make([]keys.Public, c.Members)
	for i := range members {
		members[i] = keys.Public{byte(i), byte(i >> 8)}
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
	Mempool   mempool.Limits
	HTTP      HTTP
	WebSocket WebSocket
	DHT       DHT
}

// Transport bounds what one node exchanges with its peers. Rates hold for each peer and each
// direction of arrival; a burst is what may come at once after a quiet time.
type Transport struct {
	Peers      int // members that may be connected: those of two groups, during a hand-over (PROTOCOL.md R9)
	FrameBytes int // the longest frame, direct or gossip

	QueueFrames  int // frames that wait to be sent to one peer
	QueueBytes   int // bytes that wait to be sent to one peer
	GossipFrames int // frames in each of gossip's queues: ours, the validators', each peer's

	FramesPerSecond, FramesBurst             int // direct frames from one peer
	BytesPerSecond, BytesBurst               int // bytes of direct frames from one peer
	GossipFramesPerSecond, GossipFramesBurst int // gossip frames and control entries from one peer
	GossipBytesPerSecond, GossipBytesBurst   int // bytes of gossip from one peer

	ConnectionsPerPeer           int   // open connections with one peer
	StreamsPerPeer               int   // open streams with one peer, of all protocols
	StreamsPerSecond             int   // streams that one peer opens, with a burst of 4·StreamsPerPeer
	Handshakes                   int   // connections under way whose peer is not known yet
	AddressPerSecond             int   // connections from and to one network address
	AddressBurst                 int   // connections from and to one network address at once
	PeerMemoryBytes, MemoryBytes int64 // that libp2p reserves for one peer, and for all

	Conduct Conduct
}

// Conduct says when a peer that floods, stalls or sends garbage is cut off, and for how long. Each
// offence has a weight; a peer may have offences of Patience together at once, and Forgiven of them
// are forgotten each second. Beyond that it is cut for First, the next time for twice as long, and
// so on up to Longest; a peer that behaved for Longest after a cut begins anew. A cut ends by
// itself.
type Conduct struct {
	Patience int           // weight
	Forgiven int           // weight per second
	First    time.Duration // of the first cut
	Longest  time.Duration // of any cut
}

// HTTP bounds the API server.
type HTTP struct {
	BodyBytes         int // of one request: a message whose payload is written in hexadecimal or base64
	HeaderBytes       int // of one request
	Connections       int // open at once
	RequestsPerSecond int // of one client
}

// WebSocket bounds subscribers.
type WebSocket struct {
	Subscribers  int // connected at once
	MessageBytes int // of one message from a client
	QueueBlocks  int // blocks that wait for one subscriber; one that lags behind further is told so and cut
	QueueBytes   int // bytes that wait for one subscriber
}

// DHT bounds the distributed hash table.
type DHT struct {
	ValueBytes       int // of one value
	RecordsPerMember int // that this node keeps for one storing member; a further one takes the place of the oldest
}

// Headroom is how many times a rate is above what honest members need at worst.
const Headroom = 4

// For derives the bounds.
func For(c Config) (Limits, error) {
	l, err := Need(c)
	if err != nil {
		return Limits{}, err
	}
	t := &l.Transport
	t.FramesPerSecond *= Headroom
	t.BytesPerSecond *= Headroom
	t.GossipFramesPerSecond *= Headroom
	t.GossipBytesPerSecond *= Headroom
	t.QueueFrames *= Headroom
	t.QueueBytes *= Headroom
	t.GossipFrames *= Headroom
	// A peer that comes back sends at once what waited for us: its full queues, with the same bounds
	// as ours.
	t.FramesBurst = max(t.FramesPerSecond, t.QueueFrames)
	t.BytesBurst = max(t.BytesPerSecond, t.QueueBytes)
	t.GossipFramesBurst = max(t.GossipFramesPerSecond, t.GossipFrames)
	t.GossipBytesBurst = max(t.GossipBytesPerSecond, t.QueueBytes)
	t.ConnectionsPerPeer *= Headroom
	t.StreamsPerPeer *= Headroom
	t.StreamsPerSecond *= Headroom
	t.Handshakes *= Headroom
	t.AddressPerSecond *= Headroom
	t.AddressBurst *= Headroom
	t.PeerMemoryBytes *= Headroom
	// The greedy ones of both groups leave enough for the others.
	t.MemoryBytes = 2*t.MemoryBytes + int64(openGroups*quorum.Faulty(c.withDefaults().Members))*t.PeerMemoryBytes
	t.Conduct = Conduct{Patience: 2 * t.Conduct.Patience, Forgiven: 2 * t.Conduct.Forgiven, First: 5 * time.Second, Longest: 5 * time.Minute}

	l.Mempool.Messages *= Headroom
	l.Mempool.Bytes *= 2
	l.Mempool.PerSender *= Headroom
	l.Mempool.SenderBytes *= 2
	l.Mempool.TTL, l.Mempool.Skew = time.Hour, time.Minute
	// What left the mempool stays known for as long as it could come again, at about 100 bytes each.
	l.Mempool.Known = min(max(4*l.Mempool.Messages, c.withDefaults().MessagesPerSecond*int(time.Hour/time.Second)), maxKnown)

	l.HTTP.BodyBytes *= 2
	l.HTTP.HeaderBytes *= Headroom
	l.HTTP.Connections *= Headroom
	l.HTTP.RequestsPerSecond *= 2
	l.WebSocket.Subscribers *= Headroom
	l.WebSocket.MessageBytes *= 2
	l.WebSocket.QueueBlocks *= Headroom
	l.WebSocket.QueueBytes *= 2
	l.DHT.RecordsPerMember *= Headroom
	return l, nil
}

// maxKnown bounds the messages that are remembered after they left the mempool, to about 200 MB.
const maxKnown = 2 << 20

// Or fills zero fields from other.
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
