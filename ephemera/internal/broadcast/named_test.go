package broadcast

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// walkedOver returns where the open slots name a message, and a body of it, by a walk over all
// chains and slots.
func (b *Instance) walkedOver(id block.MessageID) (places []place, held bool) {
	for _, c := range b.chains {
		if c.open == nil {
			continue
		}
		for at, other := range c.open.ids {
			if other == id {
				places, held = append(places, place{creator: int32(c.creator), at: int32(at)}), held || c.open.have[at]
			}
		}
	}
	return places, held
}

// indexed drives an instance by random proposals, bodies, verdicts, certificates and blocks, whose
// messages are drawn from a few.
type indexed struct {
	*Instance
	now      int64
	messages []block.Message
}

func newIndexed(t *rapid.T) *indexed {
	b := &indexed{Instance: limited(t, 4, Timing{}, membership.Limits{PayloadBytes: 300, BlockMessages: 16, BlockBytes: 1000}), now: 1_700_000_000_000}
	for i := range 12 {
		m, err := block.NewMessage(unsigned{b.Group.Member(i % 4)}, b.Group.Network(), "", fmt.Appendf(nil, "%0*d", 1+i*23, i), b.now)
		require.NoError(t, err)
		b.messages = append(b.messages, m)
	}
	b.Bodies = func(id block.MessageID) (block.Message, bool) { // some are in the mempool
		for _, m := range b.messages[:3] {
			if m.ID() == id {
				return m, true
			}
		}
		return block.Message{}, false
	}
	b.Start(b.now)
	return b
}

// draw makes a block above the certified height of a chain.
func (b *indexed) draw(t *rapid.T) block.Block {
	c := b.chains[rapid.IntRange(1, 3).Draw(t, "creator")]
	messages := rapid.SliceOfNDistinct(rapid.SampledFrom(b.messages), 1, 8, block.Message.ID).Draw(t, "messages")
	ahead := rapid.Uint64Range(1, 2).Draw(t, "ahead")
	return block.New(b.Group, c.key, c.height+ahead, c.tip, b.now, messages)
}

func (b *indexed) certificate(blk block.Block) certificate.Certificate {
	return certificate.New(b.Group, blk.Header.Slot(), blk.ID(), map[int]keys.Signature{1: {}, 2: {}, 3: {}})
}

func (b *indexed) step(t *rapid.T) {
	b.now += rapid.Int64Range(0, 700).Draw(t, "wait")
	switch rapid.IntRange(0, 7).Draw(t, "step") {
	case 0, 1:
		blk := b.draw(t)
		b.Proposal(b.now, b.chain(blk.Header.Creator).creator, wire.Proposal{Proposal: blk.Proposal()})
	case 2, 3:
		b.Message(b.now, rapid.SampledFrom(b.messages).Draw(t, "body"))
	case 4:
		blk := b.draw(t)
		proof := b.certificate(blk)
		b.Blocks(b.now, 1, wire.Blocks{Blocks: []wire.Held{{Block: blk, Certificate: &proof}}})
	case 5:
		if o := b.chains[rapid.IntRange(1, 3).Draw(t, "chain")].open; o != nil {
			proof := certificate.New(b.Group, o.header.Header.Slot(), o.id, map[int]keys.Signature{1: {}, 2: {}, 3: {}})
			b.Certificate(b.now, 1, wire.Certificate{Certificate: proof})
		}
	case 6:
		b.Propose(b.now, b.now, rapid.SliceOfNDistinct(rapid.SampledFrom(b.messages), 1, 3, block.Message.ID).Draw(t, "own"))
	default:
		b.Tick(b.now)
	}
	b.answer(t)
}

// answer answers what the instance asks of its runner.
func (b *indexed) answer(t *rapid.T) {
	for {
		effects := b.Take()
		if len(effects) == 0 {
			return
		}
		for _, effect := range effects {
			switch e := effect.(type) {
			case CheckBlock:
				d := rapid.SampledFrom([]verdict.Decision{verdict.Accept(), verdict.Reject(""), verdict.Later("")}).Draw(t, "verdict")
				creator, _ := b.Group.Index(e.Block.Header.Creator)
				b.Verdict(b.now, creator, e.Block.ID(), d)
			case SignProposal:
				id := e.Header.ID()
				b.ProposalSigned(b.now, block.SignedHeader{Header: e.Header}, certificate.Echo{Slot: e.Header.Slot(), Block: id})
			case SignEcho:
				b.EchoSigned(b.now, certificate.Echo{Slot: e.Slot, Block: e.Block, Signer: b.Group.Member(b.Self)})
			}
		}
	}
}

// The index of open slots by message is what a walk over all slots finds, whatever opens, fills,
// rejects and closes slots.
func TestIndexOfMessagesIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newIndexed(t)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			b.step(t)
			count := 0
			for _, m := range b.messages {
				want, held := b.walkedOver(m.ID())
				require.Equal(t, want, b.named.places(m.ID()))
				got, ok := b.Body(m.ID())
				require.Equal(t, held, ok)
				require.True(t, !ok || got.ID() == m.ID())
				own := len(want) > 0 && int(want[0].creator) == b.Self
				require.Equal(t, own, b.Proposing(m.ID()))
				if len(want) > 0 {
					count++
				}
			}
			require.Len(t, b.named, count, "nothing else is in the index")
		}
	})
}
