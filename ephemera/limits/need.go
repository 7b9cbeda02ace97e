package limits

import (
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

const (
	openGroups  = 2         // at once: the newest and the one before it, in a hand-over (R9)
	resent      = 2         // a frame goes out twice at most within one wait for its answer (R7)
	smallFrame  = 1 << 10   // bytes of a frame without bodies and lists, generously
	messageID   = 34        // bytes of a message ID in a proposal
	streamBytes = 256 << 10 // yamux's first window of a stream, reserved when it is opened
	// valueBytes bounds a value of the hash table by the specification of the API.
	valueBytes = 64 << 10
)

// Need computes what honest members use at worst in a busy second. It is the reference of Lint: a
// smaller bound hurts honest members.
func Need(c Config) (Limits, error) {
	if err := c.Validate(); err != nil {
		return Limits{}, err
	}
	c = c.withDefaults()
	group, err := c.largestGroup()
	if err != nil {
		return Limits{}, err
	}
	return Limits{
		Transport: c.transport(wire.MaxFrameBytes(group)), Mempool: c.mempool(), HTTP: c.http(), WebSocket: c.webSocket(),
		DHT: DHT{ValueBytes: valueBytes, RecordsPerMember: 64},
	}, nil
}

// message is the usual encoded message, in bytes.
func (c Config) message() int { return c.MessageBytes + block.MaxMessageOverhead }

func (c Config) transport(frameBytes int) Transport {
	n := c.Members
	// One peer's direct frames: of its own blocks a proposal and a certificate, of ours an echo, of
	// every member's at worst a request and its answer; all of them resent; and a frontier for each
	// group that is open, with its answer.
	frames := resent*(3*c.BlocksPerSecond+2*n*c.BlocksPerSecond) + 2*openGroups
	// Its bytes: where gossip is lost it hands us every message, and its proposals name each once
	// more; small frames; and one that is as long as can be.
	bytes := resent*c.MessagesPerSecond*(c.message()+messageID) + frames*smallFrame + frameBytes
	// Gossip: in a mesh one peer may pass on everybody's messages; as many entries again announce and
	// ask for them.
	gossip := 2*c.MessagesPerSecond + 2
	gossipBytes := c.MessagesPerSecond*c.message() + gossip*messageID + frameBytes
	peers := openGroups * n
	const (
		connections = 2 // both dial at once
		// Direct one each way, gossip one each way, ping one each way, identify and its push; and of the
		// hash table some.
		streams = 16
	)
	peerMemory := int64(streams*streamBytes + frameBytes)
	return Transport{
		Peers: peers, FrameBytes: frameBytes,
		// What waits for a peer that is away for a second without losing its connection.
		QueueFrames: max(256, frames), QueueBytes: max(frameBytes, bytes/4), GossipFrames: max(256, gossip),
		FramesPerSecond: frames, FramesBurst: max(256, frames), BytesPerSecond: bytes, BytesBurst: bytes,
		GossipFramesPerSecond: gossip, GossipFramesBurst: max(256, gossip), GossipBytesPerSecond: gossipBytes, GossipBytesBurst: gossipBytes,
		ConnectionsPerPeer: connections, StreamsPerPeer: streams, StreamsPerSecond: streams,
		// All members may sit behind one address, and all may come back at once, each side dialling.
		Handshakes: 64 + peers, AddressPerSecond: peers, AddressBurst: 64 + 2*peers,
		PeerMemoryBytes: peerMemory, MemoryBytes: int64(peers)*streams/2*streamBytes + int64(frameBytes),
		Conduct: Conduct{Patience: 50, Forgiven: 1, First: time.Second, Longest: time.Second},
	}
}

func (c Config) mempool() mempool.Limits {
	// A block's worth of every member, or what comes in two seconds, waits while the last block is
	// being certified.
	messages := max(1024, int(c.Group.BlockMessages), 2*c.MessagesPerSecond, 2*c.Members)
	bytes := max(16<<20, 2*int(c.Group.BlockBytes), messages*c.message())
	return mempool.Limits{
		Messages: messages, Bytes: bytes, PerSender: max(256, c.MessagesPerSecond/4),
		SenderBytes: max(4<<20, int(c.Group.PayloadBytes)+block.MaxMessageOverhead, c.MessagesPerSecond/4*c.message()),
		TTL:         time.Minute, Skew: time.Second,
		// A message that left comes again from a member that lags, for as long as it is valid.
		Known: min(max(messages, c.MessagesPerSecond*int(time.Minute/time.Second)), maxKnown/2),
	}
}

func (c Config) http() HTTP {
	// Two digits for each byte of payload, or a value of the hash table, and the fields around them.
	body := 2*(max(int(c.Group.PayloadBytes), valueBytes)+block.MaxMessageOverhead) + 4<<10
	return HTTP{BodyBytes: body, HeaderBytes: 16 << 10, Connections: 64 + c.Members, RequestsPerSecond: max(50, c.MessagesPerSecond)}
}

func (c Config) webSocket() WebSocket {
	blocks := max(64, c.Members*c.BlocksPerSecond)
	encoded := 2 * block.MaxBytes(c.Group) // two digits for each byte
	return WebSocket{
		Subscribers: 16, MessageBytes: 2*(int(c.Group.PayloadBytes)+block.MaxMessageOverhead) + 4<<10,
		QueueBlocks: blocks, QueueBytes: max(encoded, 2*c.MessagesPerSecond*c.message()+blocks*smallFrame),
	}
}

// Memory is the most that peers can make the node hold, in bytes, where f members of each open
// group do their worst at once and the others what honest members do: queues, frames being read,
// and what libp2p reserves.
func (l Limits) Memory(c Config) int64 {
	c = c.withDefaults()
	t, faulty := l.Transport, openGroups*quorum.Faulty(c.Members)
	worst := int64(t.QueueBytes) + 2*int64(t.FrameBytes) + t.PeerMemoryBytes
	usual := int64(streamBytes*8 + c.message()*c.MessagesPerSecond/max(1, c.Members))
	return int64(faulty)*worst + int64(max(0, openGroups*c.Members-faulty))*usual + int64(l.Mempool.Bytes) +
		int64(l.WebSocket.Subscribers)*int64(l.WebSocket.QueueBytes)
}
