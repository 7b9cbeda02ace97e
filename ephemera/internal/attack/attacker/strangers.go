package attacker

import (
	"context"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// strangers gossips valid messages of senders that are not members. Each frame holds the messages
// of one sender in another order, so that no two are the same.
func strangers(ctx context.Context, m *member) {
	const senders, count = 8, 1024
	var bodies [][]block.Message
	for range senders {
		made, err := sentByStranger(m.group.Network(), count)
		if err != nil {
			warn("make messages: %v", err)
			return
		}
		bodies = append(bodies, made)
	}
	m.each(func(v *victim) {
		for turn := 0; ctx.Err() == nil; turn++ {
			of, first := bodies[turn%senders], turn/senders%count
			v.spread(ctx, turn/senders, wire.EncodeMessages(append(append([]block.Message{}, of[first:]...), of[:first]...)))
		}
	})
}

// sentByStranger returns small messages of a new key.
func sentByStranger(network string, count int) ([]block.Message, error) {
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
