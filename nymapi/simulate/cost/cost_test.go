package cost

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCostsByHand(t *testing.T) {
	f := frameSizes(4, 1000)
	costs := Schemes(4, 1000)
	require.Equal(t, 9.0, costs[0].MessagesPerBlock)  // 3·3
	require.Equal(t, 27.0, costs[1].MessagesPerBlock) // 3 proposals, 12 echoes, 12 readies
	require.Equal(t, 24.0, costs[2].MessagesPerBlock) // 2·4·3
	require.Equal(t, 3*(f.report+f.proposal+f.echo+f.certificate), costs[0].BytesPerNodeEpoch)
	require.Equal(t, 3*(f.report+f.proposal)+24*f.vote, costs[1].BytesPerNodeEpoch)
	// Ten reports of 3 kB, 180 copies: the prototype's 20 MB.
	require.InDelta(t, 19.3e6, Schemes(10, 3000)[2].BytesPerNodeEpoch, 0.1e6)
}
