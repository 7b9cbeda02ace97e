package broadcast

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

const began = int64(1_700_000_000_000)

// What a chain is let in, over any time, is at most what flows into the bucket in that time, the
// burst and one block.
func TestChainStaysWithinItsRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{PerSecond: rapid.Int64Range(1, 1<<20).Draw(t, "rate"), Burst: rapid.Int64Range(1, 1<<22).Draw(t, "burst")}
		most := rapid.Int64Range(1, 1<<20).Draw(t, "largest block")
		var k bucket
		now, paid, waited := began, int64(0), false
		for range 200 {
			now += rapid.Int64Range(0, 5000).Draw(t, "wait")
			if !k.positive(r, now) {
				due := k.due(r)
				require.Greater(t, due, now)
				before := k
				require.False(t, before.positive(r, due-1), "it waits no longer than needed")
				require.True(t, k.positive(r, due))
				now, waited = due, true
			}
			bytes := rapid.Int64Range(1, most).Draw(t, "block")
			k.pay(r, now, bytes)
			paid += bytes
			require.LessOrEqual(t, paid, r.PerSecond*(now-began)/1000+r.Burst+most+1)
		}
		if !waited {
			require.LessOrEqual(t, paid, r.PerSecond*(now-began)/1000+r.Burst+most+1)
		}
	})
}

// A long time fills the bucket and overflows nothing.
func TestBucketsTakeTheWholeDomain(t *testing.T) {
	r := Rate{PerSecond: 1 << 50, Burst: 1 << 50}
	var k bucket
	for _, now := range []int64{0, 1, 1 << 40, 1 << 53} {
		require.True(t, k.positive(r, now))
		k.pay(r, now, 1<<50)
		require.False(t, k.positive(r, now))
	}
	require.True(t, k.positive(r, k.due(r)))
}

// paced returns member 0 of 4, which grants chains a burst of one byte.
func paced(t *testing.T) *Instance {
	b := instance(t, 4, Timing{})
	b.Rate, b.Stored = Rate{PerSecond: 1000, Burst: 1}, NewStoredBodies(100)
	b.Start(began)
	b.Take()
	return b
}

// proposal makes a block of a creator with one message.
func (b *Instance) testBlock(t *testing.T, creator int, height uint64, parent block.ID, text string) block.Block {
	key := b.Group.Member(creator)
	m, err := block.NewMessage(unsigned{key}, b.Group.Network(), "", []byte(text), began)
	require.NoError(t, err)
	return block.New(b.Group, key, height, parent, began, []block.Message{m})
}

// certified makes a certificate with invalid signatures: the core does not check them.
func (b *Instance) testCertificate(blk block.Block) certificate.Certificate {
	echoes := map[int]keys.Signature{1: {}, 2: {}, 3: {}}
	return certificate.New(b.Group, blk.Header.Slot(), blk.ID(), echoes)
}

// store lets a chain's first block through, so that its bucket is in debt, and returns it.
func storeFirst(t *testing.T, b *Instance) block.Block {
	first := b.testBlock(t, 1, 1, block.ID{}, "first")
	b.Proposal(began, 1, wire.Proposal{Proposal: first.Proposal()})
	b.Message(began, first.Messages[0])
	b.Verdict(began, 1, first.ID(), verdict.Accept())
	b.Certificate(began, 1, wire.Certificate{Certificate: b.testCertificate(first)})
	height, _ := b.Height(1)
	require.Equal(t, uint64(1), height)
	b.Take()
	return first
}

func kinds(effects []Effect) (postponed, fetched, asked, persisted int) {
	for _, effect := range effects {
		switch e := effect.(type) {
		case Postponed:
			postponed++
		case Send:
			if _, ok := e.Frame.(wire.GetMessages); ok {
				fetched++
			}
		case CheckBlock:
			asked++
		case Persist:
			if _, ok := e.Write.(store.PutCertified); ok {
				persisted++
			}
		}
	}
	return postponed, fetched, asked, persisted
}

// A block beyond its chain's rate is not fetched and not judged, however often it is proposed,
// until the bucket is refilled. Then it is, without another proposal.
func TestBlockBeyondTheRateWaitsForTheRefill(t *testing.T) {
	b := paced(t)
	first := storeFirst(t, b)
	second := b.testBlock(t, 1, 2, first.ID(), "second")
	for range 3 {
		b.Proposal(began, 1, wire.Proposal{Proposal: second.Proposal()})
	}
	postponed, fetched, asked, _ := kinds(b.Take())
	require.Equal(t, []int{1, 0, 0}, []int{postponed, fetched, asked})
	due := b.chains[1].open.retry.due
	require.LessOrEqual(t, b.Deadline(), due)
	require.Greater(t, due, began+b.price(first), "a byte takes a millisecond")
	b.Tick(due - 1)
	_, fetched, _, _ = kinds(b.Take())
	require.Zero(t, fetched)
	b.Tick(due)
	b.Tick(due + b.Timing.Fetch)
	_, fetched, _, _ = kinds(b.Take())
	require.Equal(t, 1, fetched)
	b.Message(b.now, second.Messages[0])
	_, _, asked, _ = kinds(b.Take())
	require.Equal(t, 1, asked)
}

// Bodies that gossip brings do not let a block in.
func TestBodiesDoNotLetABlockIn(t *testing.T) {
	b := paced(t)
	first := storeFirst(t, b)
	second := b.testBlock(t, 1, 2, first.ID(), "second")
	b.Proposal(began, 1, wire.Proposal{Proposal: second.Proposal()})
	b.Message(began, second.Messages[0])
	_, _, asked, _ := kinds(b.Take())
	require.Zero(t, asked)
	b.Tick(b.chains[1].open.retry.due)
	_, fetched, asked, _ := kinds(b.Take())
	require.Equal(t, []int{0, 1}, []int{fetched, asked})
}

// Certified blocks are stored whatever their chain has used, and cost it nothing.
func TestCertifiedBlocksDrawNothing(t *testing.T) {
	b := paced(t)
	parent := storeFirst(t, b)
	debt := b.chains[1].bucket.spent
	for height := uint64(2); height < 10; height++ {
		next := b.testBlock(t, 1, height, parent.ID(), "more")
		proof := b.testCertificate(next)
		if height%2 == 0 { // it waits already
			b.Proposal(began, 1, wire.Proposal{Proposal: next.Proposal()})
			b.Message(began, next.Messages[0])
			b.Certificate(began, 2, wire.Certificate{Certificate: proof})
		} else {
			b.Blocks(began, 2, wire.Blocks{Blocks: []wire.Held{{Block: next, Certificate: &proof}}})
		}
		_, _, _, persisted := kinds(b.Take())
		require.Equal(t, 1, persisted, "height %d", height)
		parent = next
	}
	require.Equal(t, debt, b.chains[1].bucket.spent)
}

// A body that is in the block of another chain already costs nothing; its leaf does.
func TestStoredBodiesCostNothing(t *testing.T) {
	b := paced(t)
	first := storeFirst(t, b)
	same := block.New(b.Group, b.Group.Member(2), 1, block.ID{}, began, first.Messages)
	other := b.testBlock(t, 2, 1, block.ID{}, "other")
	require.Equal(t, b.price(same)+int64(other.Messages[0].Size()), b.price(other))
	require.Equal(t, int64(headerPrice+4*signaturePrice+leafPrice), b.price(same))
}

func TestStoredBodiesAreBounded(t *testing.T) {
	s := NewStoredBodies(10)
	for i := range 1000 {
		id := block.MessageID{byte(i), byte(i >> 8)}
		s.Add(id)
		require.True(t, s.Has(id))
		require.LessOrEqual(t, len(s.young)+len(s.old), 20)
		if i >= 10 {
			require.True(t, s.Has(block.MessageID{byte(i - 10), byte((i - 10) >> 8)}))
		}
	}
	var none *StoredBodies
	none.Add(block.MessageID{})
	require.False(t, none.Has(block.MessageID{}))
}

// A creator waits before others would let it wait, and a timer wakes it.
func TestCreatorHoldsItselfToItsRate(t *testing.T) {
	b := paced(t)
	require.True(t, b.HasRoom())
	own := b.testBlock(t, 0, 1, block.ID{}, "own")
	b.Propose(began, began, own.Messages)
	b.Verdict(began, 0, b.candidate.ID(), verdict.Accept())
	require.False(t, b.HasRoom())
	b.Take()
	due := b.Deadline()
	require.NotZero(t, due)
	others := bucket{}
	others.pay(b.Rate, began, b.price(own)+int64(own.Messages[0].Size()))
	require.Greater(t, due, others.due(b.Rate), "others still let its next block wait then")
	b.Tick(due)
	require.True(t, b.HasRoom())
	alone := instance(t, 1, Timing{})
	alone.Rate = b.Rate
	require.Zero(t, alone.rate(alone.chains[0]), "a group of one has nobody to wait for")
}

// Nothing is fetched for a block that waits once its creator equivocated or the group is closed.
func TestWaitingBlockIsGivenUp(t *testing.T) {
	for name, end := range map[string]func(b *Instance, second block.Block){
		"closed": func(b *Instance, _ block.Block) { b.Close(began) },
		"equivocated": func(b *Instance, second block.Block) {
			twin := second.SignedHeader
			twin.Header.Time++
			b.Conflict(began, second.SignedHeader, twin)
		},
	} {
		b := paced(t)
		first := storeFirst(t, b)
		second := b.testBlock(t, 1, 2, first.ID(), "second")
		b.Proposal(began, 1, wire.Proposal{Proposal: second.Proposal()})
		end(b, second)
		b.Take()
		require.Equal(t, withheld, b.chains[1].open.state, name)
		b.Tick(began + 1_000_000)
		_, fetched, asked, _ := kinds(b.Take())
		require.Zero(t, fetched+asked, name)
	}
}
