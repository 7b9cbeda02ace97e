package broadcast

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// f silent signers that are asked first cost seconds for the first block and little for those after
// it: the backoff belongs to the member (R7).
func TestSilentSignersCostSeconds(t *testing.T) {
	for _, n := range []int{4, 31, 100} {
		b := instance(t, n, Timing{})
		const creator = 1
		now, parent := int64(1_700_000_000_000), block.ID{}
		b.Start(now)
		b.Take()
		key := b.Group.Member(creator)
		signatures := map[int]keys.Signature{}
		for i := 1; i <= b.Group.Q(); i++ {
			signatures[i] = keys.Signature{}
		}
		for height := uint64(1); height <= 5; height++ {
			m, err := block.NewMessage(unsigned{key}, b.Group.Network(), "", []byte{byte(height)}, now)
			require.NoError(t, err)
			blk := block.New(b.Group, key, height, parent, now, []block.Message{m})
			parent = blk.ID()
			proof := certificate.New(b.Group, blk.Header.Slot(), parent, signatures)
			begin, silent := now, 0
			b.Certificate(now, creator, wire.Certificate{Certificate: proof})
			for b.Heights()[creator] < height {
				now = b.Deadline()
				require.NotZero(t, now)
				b.Tick(now)
				for _, effect := range b.Take() {
					send, ok := effect.(Send)
					if !ok {
						continue
					}
					if _, ok := send.Frame.(wire.GetBlock); !ok {
						continue
					}
					if b.owed[send.To] == 1 && height == 1 && silent < b.Group.F() || b.owed[send.To] > 1 {
						silent++ // the first f that are asked never answer
						continue
					}
					b.Blocks(now, send.To, wire.Blocks{Blocks: []wire.Held{{Block: blk}}})
				}
			}
			limit := int64(1000)
			if height == 1 {
				limit = 30_000
				require.Equal(t, b.Group.F(), silent)
			} else {
				require.Zero(t, silent, "a silent member is asked last")
			}
			require.LessOrEqual(t, now-begin, limit, "n=%d height %d", n, height)
			b.Take()
		}
	}
}

// Two proposals for the height above the open slot are evidence, although none is looked at yet.
func TestConflictingProposalInHandIsEvidence(t *testing.T) {
	b := instance(t, 4, Timing{})
	const creator = 1
	now := int64(1_700_000_000_000)
	b.Start(now)
	b.Take()
	key := b.Group.Member(creator)
	propose := func(text string) block.Block {
		m, err := block.NewMessage(unsigned{key}, b.Group.Network(), "", []byte(text), now)
		require.NoError(t, err)
		return block.New(b.Group, key, 2, block.ID{1}, now, []block.Message{m})
	}
	one, two := propose("one"), propose("two")
	b.Proposal(now, creator, wire.Proposal{Proposal: one.Proposal()})
	b.Proposal(now, creator, wire.Proposal{Proposal: one.Proposal()})
	_, proven := b.Evidence(creator)
	require.False(t, proven)
	b.Proposal(now, creator, wire.Proposal{Proposal: two.Proposal()})
	evidence, proven := b.Evidence(creator)
	require.True(t, proven)
	require.ElementsMatch(t, []block.ID{one.ID(), two.ID()}, []block.ID{evidence.A.Header.ID(), evidence.B.Header.ID()})
}
