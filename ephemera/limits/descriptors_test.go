package limits_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
)

// For every limit: what the bounds allow is within it, each part has its least, the rates of an
// address fit the places for handshakes, and no bound rises. A limit below the least is refused
// with the least.
func TestBoundsStayWithinTheDescriptors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := configs(t)
		d := limits.Descriptors{Held: rapid.IntRange(0, 200).Draw(t, "held"), Members: rapid.IntRange(0, c.Members-1).Draw(t, "others")}
		derived := derive(t, c)
		least := d.Held + 2*max(1, d.Members) + 8 + 12 + 2 + 2
		d.Limit = rapid.OneOf(rapid.IntRange(0, least+300), rapid.IntRange(0, 100_000), rapid.Just(math.MaxInt32)).Draw(t, "limit")
		within, err := derived.Within(c, d)
		if d.Limit < least {
			require.ErrorIs(t, err, limits.ErrDescriptors)
			require.ErrorContains(t, err, fmt.Sprintf("at least %d are needed", least))
			return
		}
		require.NoError(t, err)
		require.LessOrEqual(t, within.Connections()+d.Held, d.Limit)
		before := all(derived)
		for name, value := range all(within) {
			require.Positive(t, value, name)
			require.LessOrEqual(t, value, before[name], name)
		}
		x := within.Transport
		require.GreaterOrEqual(t, x.Connections, 2*d.Members)
		require.GreaterOrEqual(t, x.ConnectionsPerPeer, 2)
		require.GreaterOrEqual(t, x.Handshakes, 8)
		require.LessOrEqual(t, x.AddressBurst+x.AddressPerSecond/4, x.Handshakes/2)
		require.GreaterOrEqual(t, within.HTTP.Connections, 12)
		if d.Limit >= d.Held+derived.Connections() {
			require.Equal(t, derived, within)
		}
		more := d
		more.Limit++
		grown, err := derived.Within(c, more)
		require.NoError(t, err)
		require.GreaterOrEqual(t, grown.Connections()+5, within.Connections(), "rounding loses less than one of each part")
	})
}

func TestMembersComeFirstWhenDescriptorsAreFew(t *testing.T) {
	c := limits.Config{Members: 16}
	within, err := derive(t, c).Within(c, limits.Descriptors{Limit: 64, Held: 32, Members: 3})
	require.NoError(t, err)
	require.GreaterOrEqual(t, within.Transport.Connections, 6)
	within, err = derive(t, c).Within(c, limits.Descriptors{Limit: 128, Held: 36, Members: 3})
	require.NoError(t, err)
	require.Equal(t, 32, within.HTTP.Connections, "callers of the API are not crowded out by handshakes")
	require.GreaterOrEqual(t, within.Transport.Connections, 12, "the members of two groups")
}
