package attacker

import (
	"context"
	"sync"

	pubsub "github.com/libp2p/go-libp2p-pubsub"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// replays gossips the messages of honest members again, in frames that are all different, and some
// with forged messages in their names: only the peer that delivered them may pay for that.
func replays(ctx context.Context, m *member) {
	topic, subscription, err := m.join(ctx)
	if err != nil {
		warn("join gossip: %v", err)
		return
	}
	var heard gossip
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() { heard.listen(ctx, m, subscription) })
	forged := m.badlySigned()
	const forgeries = 16 // valid frames for each forged one
	for turn := 0; ctx.Err() == nil; turn++ {
		frame := forged[turn/forgeries%len(forged)]
		if turn%forgeries > 0 {
			frame = wire.EncodeMessages(heard.some(turn))
		}
		m.publish(ctx, topic, frame)
	}
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
