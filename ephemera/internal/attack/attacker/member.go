package attacker

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	ma "github.com/multiformats/go-multiaddr"
	"google.golang.org/protobuf/proto"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// member is the attacker: a libp2p host with the key of a member, connected with the honest ones.
type member struct {
	key     keys.Private
	group   *membership.Group // the newest one
	old     *membership.Group // the one before, or nil
	host    host.Host
	victims []*victim
	pace    *pacer
	heard   *heard
	deaf    atomic.Bool // it does not read what the others send
	counts  Counts
	sent    atomic.Int64
	bytes   atomic.Int64
	failed  atomic.Int64
	read    atomic.Int64
}

// victim is an honest member with the streams to it.
type victim struct {
	m       *member
	key     keys.Public
	info    peer.AddrInfo
	streams map[protocol.ID]network.Stream
}

// newMember creates the host. It does not listen: the attacker dials.
func newMember(key keys.Private, list membership.List, old *membership.Group) (*member, error) {
	m := &member{key: key, group: list.Group, old: old, pace: newPacer(), heard: newHeard()}
	seed, public := key.Seed(), key.Public()
	identity, err := crypto.UnmarshalEd25519PrivateKey(append(seed[:], public[:]...))
	if err != nil {
		return nil, fmt.Errorf("create libp2p identity: %w", err)
	}
	m.host, err = libp2p.New(
		libp2p.Identity(identity), libp2p.NoListenAddrs, libp2p.Security(noise.ID, noise.New), libp2p.DisableRelay(), libp2p.DisableMetrics(),
		libp2p.ResourceManager(&network.NullResourceManager{}), libp2p.ConnectionManager(connmgr.NullConnMgr{}),
	)
	if err != nil {
		return nil, fmt.Errorf("create libp2p host: %w", err)
	}
	for _, p := range list.Peers {
		if p.Key == public {
			continue
		}
		v := &victim{m: m, key: p.Key, streams: map[protocol.ID]network.Stream{}}
		if v.info.ID, err = peer.Decode(p.Key.PeerID()); err != nil {
			return nil, fmt.Errorf("peer ID of %s: %w", p.Name, err)
		}
		for _, text := range p.Addresses {
			address, err := ma.NewMultiaddr(text)
			if err != nil {
				return nil, fmt.Errorf("address of %s: %w", p.Name, err)
			}
			v.info.Addrs = append(v.info.Addrs, address)
		}
		m.victims = append(m.victims, v)
	}
	return m, nil
}

func (m *member) protocol() protocol.ID {
	return protocol.ID("/ephemera/" + m.group.Network() + "/direct/1")
}

// messages is the protocol of messages on direct streams.
func (m *member) messages() protocol.ID {
	return protocol.ID("/ephemera/" + m.group.Network() + "/messages/1")
}

const (
	dialTimeout  = 3 * time.Second
	writeTimeout = 10 * time.Second
	// refusedPause is the time between two attempts to reach a member that cut the attacker off.
	refusedPause = 100 * time.Millisecond
)

// connect dials all victims once.
func (m *member) connect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	for _, v := range m.victims {
		_ = v.connect(ctx) // the attack dials again
	}
}

// connect dials the victim unless it is connected. libp2p would wait for long after a failure.
func (v *victim) connect(ctx context.Context) error {
	if s, ok := v.m.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(v.info.ID)
	}
	return v.m.host.Connect(ctx, v.info)
}

// open opens a stream of a protocol, on a new connection if necessary.
func (v *victim) open(ctx context.Context, id protocol.ID) (network.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := v.connect(ctx); err != nil {
		return nil, err
	}
	return v.m.host.NewStream(ctx, v.info.ID, id)
}

// send sends a frame. Of send, gossip and spread, none may be called concurrently for one victim.
func (v *victim) send(ctx context.Context, frame []byte) bool {
	return v.write(ctx, v.m.protocol(), lengthAnd(frame))
}

// gossip sends a frame as GossipSub does.
func (v *victim) gossip(ctx context.Context, frame []byte) bool {
	topic := v.m.topic()
	rpc, err := proto.Marshal(&pb.RPC{Publish: []*pb.Message{{Data: frame, Topic: &topic}}})
	if err != nil {
		panic(fmt.Sprintf("attacker: encode gossip: %v", err))
	}
	return v.write(ctx, pubsub.GossipSubID_v11, lengthAnd(rpc))
}

// spread sends a frame as a message: in even turns as GossipSub does, in odd ones on a direct
// stream.
func (v *victim) spread(ctx context.Context, turn int, frame []byte) bool {
	if turn%2 == 0 {
		return v.gossip(ctx, frame)
	}
	return v.write(ctx, v.m.messages(), lengthAnd(frame))
}

// topic is the topic of the members' gossip.
func (m *member) topic() string { return "/ephemera/" + m.group.Network() + "/messages" }

// lengthAnd returns data after its length.
func lengthAnd(data []byte) []byte {
	return append(binary.AppendUvarint(make([]byte, 0, len(data)+binary.MaxVarintLen64), uint64(len(data))), data...)
}

// write writes bytes to the stream of a protocol, whatever they are.
func (v *victim) write(ctx context.Context, id protocol.ID, data []byte) bool {
	v.m.pace.wait(ctx)
	if ctx.Err() != nil {
		return false
	}
	stream := v.streams[id]
	if stream == nil {
		var err error
		if stream, err = v.open(ctx, id); err != nil {
			v.m.failed.Add(1)
			wait.For(ctx, refusedPause)
			return false
		}
		v.streams[id] = stream
	}
	_ = stream.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := stream.Write(data); err != nil {
		v.m.failed.Add(1)
		_ = stream.Reset()
		delete(v.streams, id)
		return false
	}
	v.m.sent.Add(1)
	v.m.bytes.Add(int64(len(data)))
	return true
}

// leave closes the connections to a victim.
func (v *victim) leave() {
	_ = v.m.host.Network().ClosePeer(v.info.ID)
	clear(v.streams)
}

// now is the time that goes into what the attacker signs.
func now() int64 { return time.Now().UnixMilli() }

// random returns n random bytes.
func random(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.Read(data)
	return data
}

// message returns a valid message of the attacker.
func (m *member) message(size int) block.Message { return m.messageAt(size, now()) }

func (m *member) messageAt(size int, time int64) block.Message {
	made, err := block.NewMessage(m.key, m.group.Network(), "attack", random(size), time)
	if err != nil {
		panic(fmt.Sprintf("attacker: make a message of %d bytes at %d: %v", size, time, err))
	}
	return made
}

// encode returns the bytes of a frame.
func encode(frame wire.Frame) []byte { return wire.Encode(frame) }

// warn writes to standard error, which the harness keeps with the logs of the nodes.
func warn(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
