package compare

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

func TestLiesChangeTheValues(t *testing.T) {
	mixnodes := []metrics.MixID{"a", "b", "c"}
	honest := []metrics.Uptime{9900, metrics.Missing, 5000}
	require.Equal(t, []metrics.Uptime{0, 0, 0}, LieZero.values(mixnodes, honest, 1))
	require.Equal(t, []metrics.Uptime{0, 0, 0}, LieSplit.values(mixnodes, honest, 1))
	require.Equal(t, []metrics.Uptime{10000, 10000, 10000}, LieHundred.values(mixnodes, honest, 1))
	ruined := victims(mixnodes, 1)
	require.Len(t, ruined, 1, "a tenth, rounded up")
	lie := LieVictims.values(mixnodes, honest, 1)
	for i := range lie {
		if i == ruined[0] {
			require.Zero(t, lie[i])
		} else {
			require.Equal(t, honest[i], lie[i])
		}
	}
	require.Equal(t, []metrics.Uptime{9900, metrics.Missing, 5000}, honest, "the measurements are not modified")
}

func TestVictimsAreATenthAndDependOnlyOnTheSeed(t *testing.T) {
	p, err := with(func(c *Config) { c.Seed = 3 }).Plan()
	require.NoError(t, err)
	first := victims(p.MixnodeNames(), 3)
	require.Len(t, first, 24)
	require.IsIncreasing(t, first)
	require.Equal(t, first, victims(p.MixnodeNames(), 3))
	require.NotEqual(t, first, victims(p.MixnodeNames(), 4))
}
