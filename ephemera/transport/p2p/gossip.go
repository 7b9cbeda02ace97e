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

// gossip takes part in the topic until the run ends. Switched off it only waits.
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
		return fmt.Errorf("join gossip: %w", err)
	}
	for {
		select {
		case <-run.ctx.Done():
			return nil
		case frame := <-t.publish:
			if err := topic.Publish(run.ctx, frame); err != nil && run.ctx.Err() == nil {
				t.traffic.dropped.Add(1)
				t.config.Logger.Debug("frame not published", "bytes", len(frame), "error", err)
			}
		}
	}
}

// meshless are GossipSub's parameters for a group whose members are all connected: no mesh, as a
// publisher floods, and lazy gossip to repair what a missing connection lost.
func meshless() pubsub.GossipSubParams {
	p := pubsub.DefaultGossipSubParams()
	p.D, p.Dlo, p.Dhi, p.Dscore, p.Dout = 0, 0, 0, 0, 0
	p.Dlazy = 3
	return p
}

func (t *Transport) join(run *run) (*pubsub.Topic, error) {
	name := "/ephemera/" + t.config.Network + "/messages"
	parameters := pubsub.DefaultGossipSubParams()
	if t.config.Gossip == Flood {
		parameters = meshless()
	}
	p, err := pubsub.NewGossipSub(run.ctx, t.host,
		pubsub.WithGossipSubParams(parameters),
		pubsub.WithFloodPublish(t.config.Gossip == Flood),
		pubsub.WithAppSpecificRpcInspector(t.inspect),
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), // messages carry their sender's own signature
		pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(messageID),
		pubsub.WithMaxMessageSize(t.config.Limits.FrameBytes+rpcOverhead),
		pubsub.WithPeerOutboundQueueSize(t.config.Limits.GossipFrames),
		pubsub.WithValidateQueueSize(t.config.Limits.GossipFrames),
		pubsub.WithValidateThrottle(t.config.Limits.GossipFrames),
		pubsub.WithSubscriptionFilter(pubsub.WrapLimitSubscriptionFilter(pubsub.NewAllowlistSubscriptionFilter(name), subscriptions)),
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
	// The validator takes the frames, so there is no subscription to read: relaying alone tells the
	// others to send.
	if _, err := topic.Relay(); err != nil {
		return nil, err
	}
	return topic, nil
}

const (
	// rpcOverhead is what an RPC adds to the one frame that it carries: field heads, the topic,
	// control messages.
	rpcOverhead = 4 << 10
	// subscriptions bounds the topics that one RPC of a peer may name.
	subscriptions = 16
)

// messageID makes the same bytes the same message, whoever publishes them.
func messageID(m *pb.Message) string {
	sum := sha256.Sum256(m.GetData())
	return string(sum[:])
}

// validator asks the receiver about every frame from others.
func (t *Transport) validator(run *run) pubsub.ValidatorEx {
	self := t.host.ID()
	return func(_ context.Context, from peer.ID, message *pubsub.Message) pubsub.ValidationResult {
		if from == self {
			return pubsub.ValidationAccept
		}
		r := t.peer(from)
		if r == nil || !t.enter(run) {
			return pubsub.ValidationIgnore
		}
		defer run.work.Done()
		switch run.receiver.Gossip(r.key, append([]byte(nil), message.GetData()...)) {
		case transport.Accept:
			return pubsub.ValidationAccept
		case transport.Reject:
			r.offend(garbage, "passes on garbage")
			return pubsub.ValidationReject
		default:
			return pubsub.ValidationIgnore
		}
	}
}

// inspect is asked about every RPC before anything is done with it. One beyond its peer's rate
// loses what costs work; subscriptions stay, for a peer never tells them twice. GossipSub's own
// scoring is off: it would blame peers for messages that our full queues dropped.
func (t *Transport) inspect(from peer.ID, rpc *pubsub.RPC) error {
	r := t.peer(from)
	if r == nil {
		return errStranger
	}
	r.heard.Add(1)
	if r.gossip.allow(time.Now(), entries(rpc), int(sizeOf(rpc))) {
		return nil
	}
	t.traffic.throttled.Add(1)
	r.offend(excess, "floods gossip")
	rpc.Publish, rpc.Control, rpc.Partial = nil, nil, nil
	return nil
}

var errStranger = errors.New("RPC of a peer that is no member")

// entries counts what an RPC gives us to do.
func entries(rpc *pubsub.RPC) int {
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

// enter counts a call of the receiver, for Run to wait for. False when the run is over.
func (t *Transport) enter(run *run) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.running != run {
		return false
	}
	run.work.Add(1)
	return true
}

// tracer counts RPCs as they leave and arrive.
type tracer struct{ traffic *counters }

var _ pubsub.RawTracer = tracer{}

// sizeOf returns the bytes of an RPC on its stream, with their length prefix.
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
