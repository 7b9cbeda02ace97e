package attacker

import (
	"context"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// quota fills the attacker's share of every mempool, and continues to send valid messages that have
// no room: a third of them small, a third of the size that an honest member sends, a third large.
func quota(ctx context.Context, m *member) {
	shapes := []struct{ count, size int }{{256, 16}, {64, 4 << 10}, {4, 250_000}}
	m.flood(ctx, func(turn int) []byte {
		shape := shapes[turn%len(shapes)]
		bodies := make([]block.Message, shape.count)
		for i := range bodies {
			bodies[i] = m.message(shape.size)
		}
		return wire.EncodeMessages(bodies)
	})
}
