package broadcast

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// The nearer the free space is to the second threshold, the more chains wait, and always those that
// used most. Below it all wait, this member's own chain, too.
func TestChainsWaitInTheOrderOfWhatTheyUsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 20).Draw(t, "n")
		b := instance(t, n, Timing{})
		b.now = began
		for _, c := range b.chains {
			c.used.add(began, rapid.Int64Range(0, 5).Draw(t, "used"))
		}
		critical := rapid.Int64Range(0, 1000).Draw(t, "critical")
		low := critical + rapid.Int64Range(0, 1000).Draw(t, "low")
		before := n
		for free := int64(0); free <= low+1; free++ {
			b.space = Space{Free: free, Low: low, Critical: critical}
			waiting := 0
			least, most := int64(1<<62), int64(-1) // used: by those that wait, by the others
			for _, c := range b.chains {
				switch {
				case c.creator == b.Self:
					require.Equal(t, free >= critical, b.hasSpace(c))
				case b.hasSpace(c):
					most = max(most, c.used.bytes)
				default:
					waiting++
					least = min(least, c.used.bytes)
				}
			}
			require.GreaterOrEqual(t, least, most)
			require.LessOrEqual(t, waiting, before)
			switch {
			case free >= low:
				require.Zero(t, waiting)
			case free <= critical:
				require.Equal(t, n-1, waiting)
			default:
				require.Positive(t, waiting)
			}
			before = waiting
		}
	})
}

func TestUsageHalvesOnceAMinute(t *testing.T) {
	minute := began - began%halfLife // all chains halve at the same time
	var u usage
	u.add(minute+5, 1000)
	require.Equal(t, int64(1000), u.until(minute+halfLife-1))
	require.Equal(t, int64(500), u.until(minute+2*halfLife-1))
	u.add(minute+2*halfLife, 6)
	require.Equal(t, int64(256), u.until(minute+2*halfLife))
	require.Zero(t, u.until(minute+1000*halfLife))
}

// A block that waits for space is let in as soon as there is some. Certified blocks are stored
// meanwhile.
func TestBlockWaitsForSpace(t *testing.T) {
	b := paced(t)
	b.Rate = Rate{}
	b.SetSpace(began, Space{Free: 9, Low: 100, Critical: 10})
	require.False(t, b.HasRoom())
	first := b.testBlock(t, 1, 1, block.ID{}, "first")
	b.Proposal(began, 1, wire.Proposal{Proposal: first.Proposal()})
	effects := b.Take()
	postponed, fetched, _, _ := kinds(effects)
	require.Equal(t, []int{1, 0}, []int{postponed, fetched})
	require.Contains(t, effects, Postponed{Slot: first.Header.Slot(), Block: first.ID(), Space: true})
	require.Zero(t, b.chains[1].open.retry.due, "no timer helps")
	other := b.testBlock(t, 2, 1, block.ID{}, "other")
	b.Proposal(began, 2, wire.Proposal{Proposal: other.Proposal()})
	b.Message(began, other.Messages[0])
	b.Certificate(began, 2, wire.Certificate{Certificate: b.testCertificate(other)})
	_, _, _, persisted := kinds(b.Take())
	require.Equal(t, 1, persisted)
	b.SetSpace(began, Space{Free: 100, Low: 100, Critical: 10})
	require.True(t, b.HasRoom())
	b.Tick(began + b.Timing.Fetch)
	_, fetched, _, _ = kinds(b.Take())
	require.Equal(t, 1, fetched)
}
