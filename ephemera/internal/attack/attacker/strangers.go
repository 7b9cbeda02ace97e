package attacker

import (
	"context"
	"fmt"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// strangers gossips valid messages of senders that are not members. Each frame holds the messages
// of one sender in another order, so that no two are the same.
func strangers(ctx context.Context, m *member) {
	topic, _, err := m.join(ctx)
	if err != nil {
		warn("join gossip: %v", err)
		return
	}
	const senders, count = 8, 1024
	var bodies [][]block.Message
	for range senders {
		made, err := stranger(m.group.Network(), count)
		if err != nil {
			warn("make messages: %v", err)
			return
		}
		bodies = append(bodies, made)
	}
	for turn := 0; ctx.Err() == nil; turn++ {
		of, first := bodies[turn%senders], turn/senders%count
		m.publish(ctx, topic, wire.EncodeMessages(append(append([]block.Message{}, of[first:]...), of[:first]...)))
	}
}

// stranger returns small messages of a new key.
func stranger(network string, count int) ([]block.Message, error) {
	key, err := keys.Generate()
	if err != nil {
		return nil, err
	}
	made := make([]block.Message, count)
	for i := range made {
		if made[i], err = block.NewMessage(key, network, "x", random(4), now()); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// join joins the members' gossip.
func (m *member) join(ctx context.Context) (*pubsub.Topic, *pubsub.Subscription, error) {
	gossip, err := pubsub.NewGossipSub(ctx, m.host,
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor(), pubsub.WithFloodPublish(true),
		pubsub.WithMaxMessageSize(wire.MaxFrameBytes(m.group)), pubsub.WithMessageIdFn(func(*pb.Message) string { return string(random(16)) }),
	)
	if err != nil {
		return nil, nil, fmt.Errorf("create gossip: %w", err)
	}
	topic, err := gossip.Join("/ephemera/" + m.group.Network() + "/messages")
	if err != nil {
		return nil, nil, fmt.Errorf("join topic: %w", err)
	}
	subscription, err := topic.Subscribe()
	if err != nil {
		return nil, nil, fmt.Errorf("subscribe: %w", err)
	}
	sleep(ctx, gossipStart)
	return topic, subscription, nil
}

// gossipStart is how long members take to learn who takes part in gossip.
const gossipStart = time.Second

// publish gossips a frame, and connects again with the victims that are not connected.
func (m *member) publish(ctx context.Context, topic *pubsub.Topic, frame []byte) {
	m.pace.wait(ctx)
	if ctx.Err() != nil {
		return
	}
	if err := topic.Publish(ctx, frame); err != nil {
		m.failed.Add(1)
		sleep(ctx, refusedPause)
		return
	}
	m.sent.Add(1)
	m.bytes.Add(int64(len(frame)))
	if len(m.host.Network().Peers()) < len(m.victims) && m.sent.Load()%16 == 0 {
		m.connect(ctx)
	}
}
