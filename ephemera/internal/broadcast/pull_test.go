package broadcast

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// A liar that claims any height makes a member ask a bounded number of times, and then no more
// until it claims again (R6).
func TestClaimsThatNobodyShowsAreForgotten(t *testing.T) {
	b := instance(t, 4, Timing{})
	now := int64(1_700_000_000_000)
	b.Start(now)
	b.Take()
	claims := []uint64{0, 0, 1 << 63, 0}
	b.Claims(now, 1, claims)
	sends := 0
	for range 1000 {
		due := b.Deadline()
		if due == 0 {
			break
		}
		require.GreaterOrEqual(t, due, now, "a timer in the past would spin")
		now = due
		b.Tick(now)
		for _, effect := range b.Take() {
			send, ok := effect.(Send)
			require.True(t, ok)
			require.Equal(t, 1, send.To, "only members that claim are asked")
			sends++
		}
	}
	require.Zero(t, b.Deadline())
	require.Greater(t, sends, 0)
	require.LessOrEqual(t, sends, 8)
	b.Claims(now, 1, claims)
	require.NotZero(t, b.Deadline())
}

// pulled lets time pass until a chain is asked for.
func pulled(t *testing.T, b *Instance) (now int64, pulls []Send) {
	t.Helper()
	for len(pulls) == 0 {
		now = b.Deadline()
		require.NotZero(t, now, "nothing is requested any more")
		b.Tick(now)
		for _, effect := range b.Take() {
			send, ok := effect.(Send)
			require.True(t, ok)
			require.IsType(t, wire.GetCertified{}, send.Frame)
			pulls = append(pulls, send)
		}
	}
	return now, pulls
}

// A member that misses many chains spreads its requests evenly over the others, and asks each of
// them about every chain in turn (R6).
func TestChainsArePulledFromDifferentMembers(t *testing.T) {
	const n = 7
	for self := range n {
		b := instance(t, n, Timing{})
		b.Self = self
		now := int64(1_700_000_000_000)
		b.Start(now)
		b.Take()
		claims := slices.Repeat([]uint64{9}, n)
		claims[self] = 0
		for from := range n {
			if from != self {
				b.Claims(now, from, claims)
			}
		}
		asked := map[block.Slot][]int{} // by chain: the members, in the order in which they were asked
		for count := 0; count < (n-1)*(n-1); {
			_, pulls := pulled(t, b)
			for _, send := range pulls {
				slot := send.Frame.(wire.GetCertified).From
				asked[slot] = append(asked[slot], send.To)
			}
			count += len(pulls)
		}
		first := map[int]bool{}
		for _, members := range asked {
			first[members[0]] = true
			turn := map[int]bool{}
			for _, i := range members[:n-1] {
				turn[i] = true
			}
			require.Len(t, turn, n-1)
		}
		require.Len(t, first, n-1)
	}
}

// A member that is silent, or shows one block although it has many, costs a chain one turn. After
// that, another member is asked for as long as it answers in full (R6).
func TestSlowMembersHoldNoChainUp(t *testing.T) {
	const creator, claimed, delay = 1, 10 * wire.MaxBlocks, 100
	for name, shown := range map[string]int{"silent": 0, "drips": 1, "answers": wire.MaxBlocks} {
		t.Run(name, func(t *testing.T) {
			b := instance(t, 4, Timing{})
			now := int64(1_700_000_000_000)
			begin := now
			b.Start(now)
			b.Take()
			for from := 1; from < 4; from++ {
				b.Claims(now, from, []uint64{0, claimed, 0, 0})
			}
			slow, asked := 0, 0
			var pulls []Send
			for b.chains[creator].height < claimed {
				now, pulls = pulled(t, b)
				require.Len(t, pulls, 1)
				if slow == 0 {
					slow = pulls[0].To
				}
				count := wire.MaxBlocks
				if pulls[0].To == slow {
					asked++
					count = shown
				}
				now += delay
				for range count {
					b.Blocks(now, pulls[0].To, wire.Blocks{Blocks: []wire.Held{next(b, creator)}})
				}
				b.Take()
			}
			require.LessOrEqual(t, int(now-begin), 2*claimed/wire.MaxBlocks*delay)
			if shown < wire.MaxBlocks {
				require.Equal(t, 1, asked)
			}
		})
	}
}

// next returns the next certified block of a creator, without signatures: the border has verified
// them.
func next(b *Instance, creator int) wire.Held {
	c := b.chains[creator]
	made := block.New(b.Group, c.key, c.height+1, c.tip, b.now, nil)
	return wire.Held{Block: made, Certificate: &certificate.Certificate{Slot: made.Header.Slot(), Block: made.ID()}}
}

// A block with more messages than one request can name is gathered as fast as its bodies arrive
// (R2, R7).
func TestLargeBlockIsGatheredWithoutWaiting(t *testing.T) {
	const creator, count, delay = 1, 10 * wire.MaxListings, 10
	b := limited(t, 4, Timing{}, membership.Limits{PayloadBytes: 100, BlockMessages: count, BlockBytes: 4 << 20})
	now := int64(1_700_000_000_000)
	begin := now
	b.Start(now)
	messages, known := make([]block.Message, count), map[block.MessageID]block.Message{}
	for i := range messages {
		var err error
		messages[i], err = block.NewMessage(unsigned{b.Group.Member(creator)}, b.Group.Network(), "note", fmt.Append(nil, i), now)
		require.NoError(t, err)
		known[messages[i].ID()] = messages[i]
	}
	made := block.New(b.Group, b.Group.Member(creator), 1, block.ID{}, now, messages)
	b.Proposal(now, creator, wire.Proposal{Proposal: made.Proposal()})
	b.Take()
	requests, asked := 0, false
	for !asked {
		now = b.Deadline()
		require.NotZero(t, now)
		b.Tick(now)
		var wanted []block.MessageID
		for _, effect := range b.Take() {
			send, ok := effect.(Send)
			require.True(t, ok)
			wanted = append(wanted, send.Frame.(wire.GetMessages).IDs...)
			requests++
		}
		now += delay
		for _, id := range wanted {
			b.Message(now, known[id])
		}
		for _, effect := range b.Take() {
			_, asked = effect.(CheckBlock)
		}
	}
	require.Equal(t, count/wire.MaxListings, requests)
	require.LessOrEqual(t, now-begin, int64(requests*delay)+b.Timing.Fetch)
}
