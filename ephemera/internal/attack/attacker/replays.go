package attacker

import (
	"context"
	"fmt"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// replays gossips the messages of honest members again, in frames that are all different, and some
// with forged messages in their names: only the peer that delivered them may pay for that.
func replays(ctx context.Context, m *member) {
	subscription, err := m.subscribe(ctx)
	if err != nil {
		warn("join gossip: %v", err)
		return
	}
	var heard gossip
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() { heard.listen(ctx, m, subscription) })
	forged := m.badlySigned(forgedMessages)
	const forgeries = 16 // valid frames for each forged one
	m.each(func(v *victim) {
		for turn := 0; ctx.Err() == nil; turn++ {
			some := heard.some(turn)
			switch {
			case turn%forgeries == 0:
				v.spread(ctx, turn/forgeries, forged[turn/forgeries%len(forged)])
			case len(some) == 0:
				wait.For(ctx, 10*time.Millisecond)
			default:
				v.spread(ctx, turn, wire.EncodeMessages(some))
			}
		}
	})
}

// subscribe takes part in the members' gossip.
func (m *member) subscribe(ctx context.Context) (*pubsub.Subscription, error) {
	router, err := pubsub.NewGossipSub(ctx, m.host, pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor(),
		pubsub.WithMaxMessageSize(wire.MaxFrameBytes(m.group)))
	if err != nil {
		return nil, fmt.Errorf("create gossip: %w", err)
	}
	topic, err := router.Join(m.topic())
	if err != nil {
		return nil, fmt.Errorf("join topic: %w", err)
	}
	return topic.Subscribe()
}

// gossip holds the newest messages of others.
type gossip struct {
	mu       sync.Mutex
	messages []block.Message
}

const maxGossip = 256

func (g *gossip) listen(ctx context.Context, m *member, subscription *pubsub.Subscription) {
	for ctx.Err() == nil {
		next, err := subscription.Next(ctx)
		if err != nil {
			return
		}
		decoded, err := wire.Decode(m.group, next.GetData())
		if err != nil || next.ReceivedFrom == m.host.ID() {
			continue
		}
		g.mu.Lock()
		for body := range wire.Bodies(decoded.Unverified()) {
			g.messages = append(g.messages, body)
		}
		g.messages = g.messages[max(0, len(g.messages)-maxGossip):]
		g.mu.Unlock()
	}
}

// some returns the messages in an order that depends on the turn.
func (g *gossip) some(turn int) []block.Message {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.messages) == 0 {
		return nil
	}
	first := turn % len(g.messages)
	return append(append([]block.Message{}, g.messages[first:]...), g.messages[:first]...)
}
