package broadcast

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// sends returns how many frames the last steps sent to each member.
func sends(b *Instance) map[int]int {
	count := map[int]int{}
	for _, effect := range b.Take() {
		if send, ok := effect.(Send); ok {
			count[send.To]++
		}
	}
	return count
}

// split returns an instance with a certified block of member 1, and another certificate of its
// slot.
func split(t *testing.T) (*Instance, certificate.Certificate) {
	b := instance(t, 4, Timing{})
	b.Start(1_700_000_000_000)
	held := next(b, 1)
	b.Blocks(b.now, 2, wire.Blocks{Blocks: []wire.Held{held}})
	b.Take()
	return b, certificate.Certificate{Slot: held.Certificate.Slot, Block: block.ID{1}}
}

// A second certificate of a slot is compared with the stored one, wherever it is in a chain. The
// proof is durable before it is reported or sent (R5).
func TestSecondCertificateStopsTheChain(t *testing.T) {
	for _, blocks := range []int{0, 1, 5} {
		b, second := split(t)
		first := certificate.Certificate{Slot: second.Slot, Block: b.chains[1].tip}
		for range blocks {
			b.Blocks(b.now, 2, wire.Blocks{Blocks: []wire.Held{next(b, 1)}})
		}
		height := b.Heights()[1]
		b.Take()
		b.Certificate(b.now, 3, wire.Certificate{Certificate: second})
		require.Contains(t, b.Take(), Effect(FindFork{Certificate: second}))
		b.Forked(b.now, first, second)
		fork := store.NewFork(first, second)
		effects := b.Take()
		require.Equal(t, []Effect{Persist{Write: store.PutFork{Fork: fork}}, Fork{Fork: fork}}, effects[:2])
		require.Len(t, effects, 2+2*3)

		above := next(b, 1)
		b.Blocks(b.now, 2, wire.Blocks{Blocks: []wire.Held{above}})
		b.Proposal(b.now, 1, wire.Proposal{Proposal: above.Block.Proposal()})
		b.Claims(b.now, 2, []uint64{0, 100, 0, 0})
		b.Forked(b.now, first, second)
		require.Empty(t, b.Take())
		require.Equal(t, height, b.Heights()[1])
	}
}

// A member that knows of a fork tells each of the others until it has sent both certificates, and
// answers one that sends a certificate once in a while, however often it does (R7).
func TestForkIsToldUntilEverybodyHasIt(t *testing.T) {
	b, second := split(t)
	first := certificate.Certificate{Slot: second.Slot, Block: b.chains[1].tip}
	b.Forked(b.now, first, second)
	require.Equal(t, map[int]int{1: 2, 2: 2, 3: 2}, sends(b))
	for _, proof := range []certificate.Certificate{first, second} {
		b.Certificate(b.now, 1, wire.Certificate{Certificate: proof})
		b.Certificate(b.now, 2, wire.Certificate{Certificate: proof})
	}
	require.Empty(t, sends(b), "they were told a moment ago")
	require.False(t, b.Quiet())
	told := 0
	for range 20 {
		b.Tick(b.Deadline())
		count := sends(b)
		require.Zero(t, count[1]+count[2])
		told += count[3]
	}
	require.Equal(t, 40, told)
	b.Certificate(b.now, 3, wire.Certificate{Certificate: first})
	b.Certificate(b.now, 3, wire.Certificate{Certificate: second})
	sends(b)
	require.Zero(t, b.Deadline())
	require.True(t, b.Quiet())

	answers, begin := 0, b.now
	for range 1000 { // a hundred times a second
		b.Certificate(b.now+10, 2, wire.Certificate{Certificate: second})
		answers += sends(b)[2]
	}
	require.Positive(t, answers)
	require.LessOrEqual(t, int64(answers), 2*((b.now-begin)/b.Timing.Cap+1))
}

// A member that lies about the digest of its tips is asked less and less often (R6).
func TestLiesAboutTipsCostLittle(t *testing.T) {
	b, _ := split(t)
	asked, heights := 0, slices.Clone(b.Heights())
	for second := range int64(3600) {
		now := b.now + 1000
		b.CompareTips(now, 2, heights, block.Digest{byte(second), 1})
		for b.Deadline() != 0 && b.Deadline() <= now {
			b.Tick(b.Deadline())
		}
		asked += sends(b)[2]
		b.now = now
	}
	require.Greater(t, asked, 10)
	require.Less(t, asked, 80)

	// It does not keep this member from asking another one.
	b.CompareTips(b.now+1_000_000, 3, heights, block.Digest{1})
	require.Equal(t, map[int]int{3: 1}, sends(b))
	b.Tick(b.now + 60_000)
	b.CompareTips(b.now, 3, heights, b.Tips())
	require.Zero(t, b.walk.patient[3])
}

// A certified block whose parent is another one than the tip is not taken. Its signers are asked
// for the certificate below (R5).
func TestForeignParentIsLookedInto(t *testing.T) {
	b, second := split(t)
	above := block.New(b.Group, b.chains[1].key, 2, second.Block, b.now, nil)
	proof := certificate.Certificate{Slot: above.Header.Slot(), Block: above.ID(), Signers: []byte{0b1110}}
	b.Blocks(b.now, 2, wire.Blocks{Blocks: []wire.Held{{Block: above, Certificate: &proof}}})
	require.Equal(t, uint64(1), b.Heights()[1])
	asked := map[int]bool{}
	for range 3 {
		b.Tick(b.Deadline())
		for _, effect := range b.Take() {
			send, ok := effect.(Send)
			require.True(t, ok)
			require.Equal(t, wire.GetCertified{From: second.Slot}, send.Frame)
			asked[send.To] = true
		}
	}
	require.Len(t, asked, 3)
}
