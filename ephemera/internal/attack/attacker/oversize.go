package attacker

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// oversize announces frames of up to 2^62 bytes, and sends some of the greatest length that is
// allowed: of random bytes, and of valid messages that have no room in the mempool.
func oversize(ctx context.Context, m *member) {
	longest := append([]byte{byte(wire.KindMessages)}, random(wire.MaxFrameBytes(m.group)-1)...)
	var bodies []block.Message
	for range 4 {
		bodies = append(bodies, m.message(int(m.group.Limits().PayloadBytes)))
	}
	valid := wire.EncodeMessages(bodies)
	streams := []protocol.ID{m.protocol(), m.messages()}
	m.each(func(v *victim) {
		for turn := 0; ctx.Err() == nil; turn++ {
			stream := streams[turn/16%len(streams)]
			switch turn % 16 {
			case 0:
				v.write(ctx, stream, append(binary.AppendUvarint(nil, 1<<(20+rand.IntN(43))), random(4096)...))
			case 1:
				v.write(ctx, stream, lengthAnd(longest))
			default:
				v.write(ctx, stream, lengthAnd(valid))
			}
		}
	})
}
