package attacker

import (
	"context"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// withhold proposes blocks of as many messages as fit, of which it shows none: the victims ask for
// them again and again. What cannot be completed stays *later* and must cost little.
func withhold(ctx context.Context, m *member) {
	const count = 1024
	var proposals [][]byte
	var parent block.ID
	for height := uint64(1); height <= 2; height++ {
		b := m.sign(height, parent, m.block(count, 8))
		proposals = append(proposals, encode(wire.Proposal{Proposal: b.Proposal()}))
		parent = b.ID()
	}
	m.each(func(v *victim) {
		for turn := 0; ctx.Err() == nil; turn++ {
			v.send(ctx, proposals[turn%len(proposals)])
			if turn%64 == 0 {
				wait.For(ctx, 10*time.Millisecond)
			}
		}
	})
}
