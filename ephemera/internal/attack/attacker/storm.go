package attacker

import (
	"context"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// storm sends the same valid messages again and again, one in a frame, on direct streams: each is
// verified once, and what comes above the member's rate waits at the member.
func storm(ctx context.Context, m *member) {
	const count = 64
	frames := make([][]byte, count)
	for i := range frames {
		frames[i] = lengthAnd(wire.EncodeMessages([]block.Message{m.message(1 << 10)}))
	}
	m.each(func(v *victim) {
		for turn := 0; ctx.Err() == nil; turn++ {
			v.write(ctx, m.messages(), frames[turn%count])
		}
	})
}
