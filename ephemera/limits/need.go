package limits

import (
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

const (
	openGroups  = 2         // groups open at a time in a hand-over: the newest and the one before (R9)
	resent      = 2         // how often a frame is sent at most before its answer arrives (R7)
	smallFrame  = 1 << 10   // upper bound of a frame without bodies and lists, in bytes
	messageID   = 34        // size of an encoded message ID in a proposal, in bytes
	streamBytes = 256 << 10 // initial window of a yamux stream, reserved when it is opened
	// valueBytes bounds a value of the hash table. The specification of the API sets it.
	valueBytes = 64 << 10
)

// Need computes the most that honest members use in a busy second. A smaller bound hurts honest
// members; Lint reports it. Need returns the error of Config.Validate.
func Need(c Config) (Limits, error) {
	if err := c.Validate(); err != nil {
		return Limits{}, err
	}
	c = c.withDefaults()
	group, err := c.largestGroup()
	if err != nil {
		return Limits{}, err
	}
	transport := c.transport(wire.MaxFrameBytes(group))
	return Limits{
		Transport: transport, Work: c.work(transport), Chain: c.chain(), Mempool: c.mempool(), HTTP: c.http(), WebSocket: c.webSocket(),
		DHT: DHT{ValueBytes: valueBytes, RecordsPerMember: 64},
	}, nil
}

// message returns the encoded size of a typical message.
func (c Config) message() int { return c.MessageBytes + block.MaxMessageOverhead }

func (c Config) transport(frameBytes int) Transport {
	n := c.Members
	// Direct frames from one peer: a proposal and a certificate for each of its blocks, an echo for
	// each of ours, and at worst a request and its answer for each block of every member. All of them
	// may be resent. A frontier and its answer for each open group come on top, and digests of the
	// mempool, a request for listings and the listings in each direction.
	frames := resent*(3*c.BlocksPerSecond+2*n*c.BlocksPerSecond) + 2*openGroups + 6
	// Their bytes: if gossip is lost, the peer sends every message directly, and its proposals name
	// each once more. Small frames and one frame of the greatest size come on top.
	bytes := resent*c.MessagesPerSecond*(c.message()+messageID) + frames*smallFrame + frameBytes
	// Gossip from one peer: in a mesh it may forward the messages of all members, with as many control
	// entries that announce and request them. A peer that sends its messages on direct streams sends
	// only its own, and forwards those of members that do not.
	gossip := 2*c.MessagesPerSecond + 2
	gossipBytes := c.MessagesPerSecond*c.message() + gossip*messageID + frameBytes
	peers := openGroups * n
	// One in each direction for direct frames, messages, gossip, ping, identify and identify push, and
	// some for the hash table.
	const streams = 18
	peerMemory := int64(streams*streamBytes + frameBytes)
	return Transport{
		Peers: peers, FrameBytes: frameBytes,
		// What waits for a peer that does not read for a second but stays connected. The bytes are those
		// of direct frames and of messages on direct streams together.
		QueueFrames: max(256, frames), QueueBytes: max(frameBytes, bytes/4), GossipFrames: max(256, gossip),
		FramesPerSecond: frames, FramesBurst: max(256, frames), BytesPerSecond: bytes, BytesBurst: bytes,
		GossipFramesPerSecond: gossip, GossipFramesBurst: max(256, gossip), GossipBytesPerSecond: gossipBytes, GossipBytesBurst: gossipBytes,
		Connections: peers * connectionsPerPeer, ConnectionsPerPeer: connectionsPerPeer, StreamsPerPeer: streams, StreamsPerSecond: streams,
		// All members may share one address, and all may reconnect at once, with both sides dialling. A
		// stranger may share it too: half of the places hold its burst and more than what it opens in the
		// quarter of a second that a handshake takes on a busy machine.
		Handshakes: 256 + 5*peers, AddressPerSecond: 64 + peers, AddressBurst: 64 + 2*peers,
		PeerMemoryBytes: peerMemory, MemoryBytes: int64(peers)*streams/2*streamBytes + int64(frameBytes),
		Conduct: Conduct{Patience: 50, Forgiven: 1, First: time.Second, Longest: time.Second},
	}
}

// work returns the work that an honest peer causes. A signature check takes about 60 µs of a core
// and a byte about 20 ns.
func (c Config) work(t Transport) admission.Limits {
	n := c.Members
	// For each of the peer's blocks a header, and a certificate of up to n echoes, which is resent
	// with more of them; for each of ours an echo; and in its frontiers the headers of all members'
	// blocks. Answers to requests are free, and so is gossip of other members' messages.
	checks := c.BlocksPerSecond * (1 + resent*n + 1 + n)
	// After a pause: two frontiers and the certificates that the peer resends in each open group.
	burst := openGroups * (2*n + resent*n)
	// The bytes that are neither answers nor gossip: small frames, the echoes in certificates, the
	// headers in frontiers, and every message's ID in a proposal and in a request.
	bytes := t.FramesPerSecond*(smallFrame+admission.FrameBytes) + resent*c.BlocksPerSecond*n*smallFrame/8 +
		2*openGroups*n*smallFrame + 2*resent*c.MessagesPerSecond*messageID
	// It may lack everything, and this node may be the only one that it can ask: it needs what all
	// members make in a second. A byte of an answer takes longer than one of a frame that arrives,
	// about 25 ns, because it is read from the store first.
	served := c.MessagesPerSecond*c.message() + n*c.BlocksPerSecond*(smallFrame+admission.FrameBytes)
	return admission.Limits{
		ChecksPerSecond: checks, ChecksBurst: max(checks, burst),
		// An answer that was requested before this node restarted is not free.
		BytesPerSecond: bytes, BytesBurst: bytes + t.FrameBytes,
		ServedPerSecond: served, ServedBurst: max(served, t.FrameBytes),
		// All messages may be one sender's.
		SenderChecksPerSecond: c.MessagesPerSecond, SenderChecksBurst: c.MessagesPerSecond,
		Wait: 1000,
	}
}

func (c Config) mempool() mempool.Limits {
	// While the last block is certified, a full block waits, or the messages of two seconds, or two
	// messages of every member, whichever is most.
	messages := max(1024, int(c.Group.BlockMessages), 2*c.MessagesPerSecond, 2*c.Members)
	bytes := max(16<<20, 2*int(c.Group.BlockBytes), messages*c.message())
	return mempool.Limits{
		Messages: messages, Bytes: bytes, PerSender: max(256, c.MessagesPerSecond/4),
		SenderBytes: max(4<<20, int(c.Group.PayloadBytes)+block.MaxMessageOverhead, c.MessagesPerSecond/4*c.message()),
		TTL:         time.Minute, Skew: time.Second,
		// Members that lag send a message again after it left, for as long as it is valid.
		Known: min(max(messages, c.MessagesPerSecond*int(time.Minute/time.Second)), maxKnown/2),
	}
}

func (c Config) http() HTTP {
	// The payload, or a value of the hash table, with two digits a byte, and the other fields.
	body := 2*(max(int(c.Group.PayloadBytes), valueBytes)+block.MaxMessageOverhead) + 4<<10
	return HTTP{
		BodyBytes: body, HeaderBytes: 16 << 10, Connections: 64 + c.Members, AdminConnections: 16, RequestsPerSecond: max(50, c.MessagesPerSecond),
		// One address, which has half, may read two of the largest blocks or send two of the largest
		// bodies at a time, each of which takes twice its size.
		MemoryBytes: max(32<<20, 4*int64(c.encodedBlock()), 8*int64(body)),
	}
}

// encodedBlock returns the most bytes of a block in JSON: two digits a byte.
func (c Config) encodedBlock() int { return 2 * block.MaxBytes(c.Group) }

// memory returns the most memory that callers can make the API server use (package webserver):
// connections, bodies and answers, what decoding adds to them, encoded blocks that are kept for
// subscribers, and the blocks of the requests that load some at the same time, each as stored, in
// the API's form, and in JSON.
func (h HTTP) memory(c Config) int64 {
	const buffers, decoding, loading = 32 << 10, 4, 2 * 3
	return int64(h.Connections)*int64(h.HeaderBytes+buffers) + decoding*h.MemoryBytes + h.MemoryBytes/8 + loading*int64(c.encodedBlock())
}

func (c Config) webSocket() WebSocket {
	return WebSocket{Subscribers: 16, MessageBytes: 2*(int(c.Group.PayloadBytes)+block.MaxMessageOverhead) + 4<<10}
}

// Memory returns the most memory, in bytes, that others can make the node use, if f members of each
// open group exhaust their bounds at once and the other members behave honestly: queues, frames
// that are being read, gossip that waits, what libp2p reserves, the mempool and half as much for
// messages of recent blocks, a block for each subscriber that waits for the memory to send it, and
// what any caller can make the API server use.
func (l Limits) Memory(c Config) int64 {
	c = c.withDefaults()
	t, faulty := l.Transport, openGroups*quorum.Faulty(c.Members)
	// Two streams of direct frames and two of messages are read, and gossip of a frame's size waits.
	worst := int64(t.QueueBytes) + 5*int64(t.FrameBytes) + t.PeerMemoryBytes
	usual := int64(streamBytes*8 + c.message()*c.MessagesPerSecond/max(1, c.Members))
	return int64(faulty)*worst + int64(max(0, openGroups*c.Members-faulty))*usual + int64(l.Mempool.Bytes+l.Mempool.Bytes/2) +
		int64(l.WebSocket.Subscribers)*int64(c.encodedBlock()) + l.HTTP.memory(c)
}
