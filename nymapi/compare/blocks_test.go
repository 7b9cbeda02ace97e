package compare

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func TestTheSpreadIsTheLargestDifferenceBetweenBlocks(t *testing.T) {
	const no = metrics.Missing
	for _, tt := range []struct {
		name    string
		blocks  [][]metrics.Uptime
		carried metrics.Uptime // of the second mixnode
		want    float64
	}{
		{"one block", [][]metrics.Uptime{{100, 200}}, no, 0},
		{"equal blocks", [][]metrics.Uptime{{100, 200}, {100, 200}, {100, 200}}, no, 0},
		{"two values", [][]metrics.Uptime{{100, 250}, {400, 200}, {300, 200}}, no, 3},
		{"one without a value pays nothing", [][]metrics.Uptime{{100, 9000}, {100, no}}, no, 90},
		{"or the carried value", [][]metrics.Uptime{{100, 9000}, {100, no}}, 9900, 9},
		{"none has a value", [][]metrics.Uptime{{100, no}, {100, no}}, 9900, 0},
	} {
		var b blockRange
		require.Nil(t, b.spread(nil))
		for _, values := range tt.blocks {
			b.add(values)
		}
		require.Equal(t, len(tt.blocks), b.blocks)
		carried := []contract.Reward{{Value: no}, {Value: tt.carried}}
		require.InDelta(t, tt.want, *b.spread(carried), 1e-9, tt.name)
	}
}

// The carried value is the newest that was paid fresh, for as long as the contract carries it.
func TestSpreadsCarryWhatWasPaid(t *testing.T) {
	p := smallPlan(LieZero)
	first := rewarded(1, "nymapi-1", 0, 9000, 5000)
	first.blocks.add([]metrics.Uptime{9000, 5000})
	second := rewarded(2, "nymapi-1", 0, 9500, 5000)
	second.Detail.Result[1].CarriedFrom = 1
	second.blocks.add([]metrics.Uptime{9500, metrics.Missing})
	second.blocks.add([]metrics.Uptime{9400, 4000})
	list, largest := p.spreads([]Record{first, second, missedRecord(3, "")})
	require.InDelta(t, 10, *largest, 1e-9, "40 instead of the carried 50")
	require.Equal(t, []int{1, 2, 0}, []int{list[0].Blocks, list[1].Blocks, list[2].Blocks})
	require.Equal(t, []int64{10, 20, 30}, []int64{list[0].Epoch, list[1].Epoch, list[2].Epoch})
	require.Zero(t, *list[0].Spread)
	require.Nil(t, list[2].Spread)
}
