package attacker

import (
	"context"
	"math/rand/v2"

	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

// garbage sends random bytes as frames, and opens a stream of every protocol from time to time to
// send random bytes there (rule: bad bytes stop at the border).
func garbage(ctx context.Context, m *member) {
	network := m.group.Network()
	others := []protocol.ID{
		"/meshsub/1.1.0", "/meshsub/1.2.0", m.messages(), protocol.ID("/ephemera/" + network + "/kad/1.0.0"), "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0",
		"/ipfs/ping/1.0.0", "/unknown/1",
	}
	const frames = 64 // for each stream of another protocol
	m.each(func(v *victim) {
		for turn := 0; ctx.Err() == nil; turn++ {
			switch {
			case turn%frames == 0:
			case turn%4 == 0:
				v.write(ctx, m.messages(), lengthAnd(randomFrame()))
				continue
			default:
				v.send(ctx, randomFrame())
				continue
			}
			stream, err := v.open(ctx, others[turn/frames%len(others)])
			if err != nil {
				wait.For(ctx, refusedPause)
				continue
			}
			_, _ = stream.Write(random(4096))
			_ = stream.Reset()
		}
	})
}

// randomFrame returns a frame of any kind whose body is random.
func randomFrame() []byte {
	return append([]byte{byte(1 + rand.IntN(24))}, random(200+rand.IntN(2000))...)
}
