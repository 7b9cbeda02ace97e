package broadcast

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Whatever frames bring two signed headers of one slot to a member, it has the proof: also if the
// first came before the slot was open (R3).
func TestTwoHeadersInHandAreEvidence(t *testing.T) {
	const creator = 1
	frames := map[string]func(b *Instance, made block.Block){
		"proposal": func(b *Instance, made block.Block) {
			b.Proposal(b.now, creator, wire.Proposal{Proposal: made.Proposal()})
		},
		"frontier": func(b *Instance, made block.Block) { b.Header(b.now, made.SignedHeader) },
		"block": func(b *Instance, made block.Block) {
			b.Blocks(b.now, creator, wire.Blocks{Blocks: []wire.Held{{Block: made}}})
		},
	}
	for first, show := range frames {
		for second, showOther := range frames {
			for _, ahead := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, ahead %t", first, second, ahead), func(t *testing.T) {
					b := instance(t, 4, Timing{})
					b.Start(1_700_000_000_000)
					below := block.ID{}
					certified := next(b, creator)
					if ahead {
						below = certified.Block.ID()
					}
					height := certified.Block.Header.Height
					if ahead {
						height++
					}
					made := func(time int64) block.Block {
						return block.New(b.Group, b.Group.Member(creator), height, below, time, nil)
					}
					show(b, made(1))
					if ahead {
						b.Blocks(b.now, 2, wire.Blocks{Blocks: []wire.Held{certified}})
					}
					require.Zero(t, b.Proofs())
					showOther(b, made(2))
					require.Equal(t, 1, b.Proofs())
				})
			}
		}
	}
}
