package p2p

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/logging"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// gossip publishes and relays the topic's messages until the run ends. In mode Direct it publishes
// none, and in mode Off it only waits.
func (t *Transport) gossip(run *run) error {
	if t.config.Gossip == Off {
		<-run.ctx.Done()
		return nil
	}
	topic, err := t.join(run)
	if err != nil {
		if run.ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("join gossip topic: %w", err)
	}
	for {
		select {
		case <-run.ctx.Done():
			return nil
		case frame := <-t.publish:
			if err := topic.Publish(run.ctx, frame); err != nil && run.ctx.Err() == nil {
				t.traffic.dropped.Add(1)
				t.config.Logger.Debug("publishing frame failed", "bytes", len(frame), "error", err)
			}
		}
	}
}

// floodParameters returns GossipSub's parameters for mode Flood: no mesh, because the publisher
// floods, and lazy gossip to repair what a missing connection lost.
func floodParameters() pubsub.GossipSubParams {
	p := pubsub.DefaultGossipSubParams()
	p.D, p.Dlo, p.Dhi, p.Dscore, p.Dout = 0, 0, 0, 0, 0
	p.Dlazy = 3
	return p
}

func (t *Transport) join(run *run) (*pubsub.Topic, error) {
	name := "/ephemera/" + t.config.Network + "/messages"
	parameters := pubsub.DefaultGossipSubParams()
	if t.config.Gossip == Flood {
		parameters = floodParameters()
	}
	p, err := pubsub.NewGossipSub(run.ctx, t.host,
		pubsub.WithGossipSubParams(parameters),
		pubsub.WithFloodPublish(t.config.Gossip == Flood),
		pubsub.WithAppSpecificRpcInspector(t.inspect),
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), // senders sign the payload
		pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(messageID),
		pubsub.WithMaxMessageSize(t.config.Limits.FrameBytes+rpcOverhead),
		pubsub.WithPeerOutboundQueueSize(t.config.Limits.GossipFrames),
		pubsub.WithValidateQueueSize(t.config.Limits.GossipFrames),
		pubsub.WithValidateThrottle(t.config.Limits.GossipFrames),
		pubsub.WithSubscriptionFilter(pubsub.WrapLimitSubscriptionFilter(pubsub.NewAllowlistSubscriptionFilter(name), subscriptions)),
		pubsub.WithPeerFilter(t.neighboursFirst()),
		pubsub.WithRawTracer(tracer{&t.traffic}),
		// GossipSub warns at every message it receives while the connection manager keeps no tags, and
		// none is needed where the members are known.
		pubsub.WithLogger(slog.New(logging.Errors(t.config.Logger.Handler()))),
	)
	if err != nil {
		return nil, err
	}
	err = p.RegisterTopicValidator(name, t.validator(run), pubsub.WithValidatorConcurrency(t.config.Limits.GossipFrames))
	if err != nil {
		return nil, err
	}
	topic, err := p.Join(name)
	if err != nil {
		return nil, err
	}
	// The validator passes the frames to the receiver, so no subscription is needed. Relaying
	// announces the topic to the other members.
	if _, err := topic.Relay(); err != nil {
		return nil, err
	}
	return topic, nil
}

const (
	// rpcOverhead bounds the bytes that an RPC adds to its frame: field heads, the topic and control
	// messages.
	rpcOverhead = 4 << 10
	// subscriptions bounds the topics that one RPC may name.
	subscriptions = 16
)

// messageID identifies a message by its bytes, independent of its publisher.
func messageID(m *pb.Message) string {
	sum := sha256.Sum256(m.GetData())
	return string(sum[:])
}

// validator returns the function that passes other members' frames to the receiver.
func (t *Transport) validator(run *run) pubsub.ValidatorEx {
	self := t.host.ID()
	return func(_ context.Context, from peer.ID, message *pubsub.Message) pubsub.ValidationResult {
		if from == self {
			return pubsub.ValidationAccept
		}
		r := t.peer(from)
		if r == nil || r.isGuest() || !t.enter(run) {
			return pubsub.ValidationIgnore
		}
		defer run.work.Done()
		size := len(message.GetData())
		if !r.gossiping.enter(run.ctx, size) {
			t.traffic.throttled.Add(1) // no offence: this node may be the slow one
			return pubsub.ValidationIgnore
		}
		defer r.gossiping.leave(size)
		switch run.receiver.Gossip(r.key, append([]byte(nil), message.GetData()...)) {
		case transport.Accept:
			return pubsub.ValidationAccept
		case transport.Reject:
			r.penalise(garbage, "forwarded a frame that no correct member forwards")
			return pubsub.ValidationReject
		default:
			return pubsub.ValidationIgnore
		}
	}
}

// inspect is called for every RPC before GossipSub processes it. It strips an RPC above its peer's
// rate limit of everything that costs work. Subscriptions remain, because a peer sends them only
// once. GossipSub's own peer scoring is off: it would blame peers for messages that this node's
// full queues dropped.
func (t *Transport) inspect(from peer.ID, rpc *pubsub.RPC) error {
	r := t.peer(from)
	if r == nil || r.isGuest() {
		return errNotMember
	}
	r.received.Add(1)
	if r.gossip.allow(time.Now(), itemsOf(rpc), int(sizeOf(rpc))) {
		return nil
	}
	t.traffic.throttled.Add(1)
	r.penalise(excess, "sent gossip above its rate")
	rpc.Publish, rpc.Control, rpc.Partial = nil, nil, nil
	return nil
}

var errNotMember = errors.New("gossip RPC refused: the peer is not a member")

// itemsOf counts the entries of an RPC that cost work.
func itemsOf(rpc *pubsub.RPC) int {
	count := len(rpc.GetPublish()) + len(rpc.GetSubscriptions())
	control := rpc.GetControl()
	for _, have := range control.GetIhave() {
		count += 1 + len(have.GetMessageIDs())
	}
	for _, want := range control.GetIwant() {
		count += 1 + len(want.GetMessageIDs())
	}
	for _, unwanted := range control.GetIdontwant() {
		count += 1 + len(unwanted.GetMessageIDs())
	}
	return count + len(control.GetGraft()) + len(control.GetPrune())
}

// enter adds a unit of work to the run; the caller must call work.Done. It returns false if the run
// is over.
func (t *Transport) enter(run *run) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.running != run {
		return false
	}
	run.work.Add(1)
	return true
}

// tracer counts sent and received RPCs.
type tracer struct{ traffic *counters }

var _ pubsub.RawTracer = tracer{}

// sizeOf returns the size of an RPC on its stream in bytes, with the length prefix.
func sizeOf(rpc *pubsub.RPC) uint64 { return uint64(protowire.SizeBytes(proto.Size(&rpc.RPC))) }

func (c tracer) SendRPC(rpc *pubsub.RPC, _ peer.ID) {
	size := sizeOf(rpc)
	c.traffic.sentBytes.Add(size)
	c.traffic.gossipSentBytes.Add(size)
	c.traffic.sentFrames.Add(uint64(len(rpc.GetPublish())))
}

func (c tracer) RecvRPC(rpc *pubsub.RPC) {
	c.traffic.receivedBytes.Add(sizeOf(rpc))
	c.traffic.receivedFrames.Add(uint64(len(rpc.GetPublish())))
}

func (c tracer) DropRPC(rpc *pubsub.RPC, _ peer.ID) {
	c.traffic.dropped.Add(uint64(len(rpc.GetPublish())))
}

func (tracer) OnNewOutboundStream(peer.ID, protocol.ID) {}
func (tracer) OnClosedOutboundStream(peer.ID)           {}
func (tracer) Join(string)                              {}
func (tracer) Leave(string)                             {}
func (tracer) Graft(peer.ID, string)                    {}
func (tracer) Prune(peer.ID, string)                    {}
func (tracer) ValidateMessage(*pubsub.Message)          {}
func (tracer) DeliverMessage(*pubsub.Message)           {}
func (tracer) RejectMessage(*pubsub.Message, string)    {}
func (tracer) DuplicateMessage(*pubsub.Message)         {}
func (tracer) ThrottlePeer(peer.ID)                     {}
func (tracer) UndeliverableMessage(*pubsub.Message)     {}
