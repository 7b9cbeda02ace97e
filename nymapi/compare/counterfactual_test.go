package compare

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// board is an input with fixed values: percent[number-1][mixnode][tick]. Negative ones are lost.
type board struct {
	names   []metrics.MixID
	percent [][][]int
	right   [][]float64 // [epoch-1][mixnode]
}

func (b board) mixnodes() []metrics.MixID { return b.names }

func (b board) sample(number, mixnode int, tick int64) (uint8, bool) {
	value := b.percent[number-1][mixnode][tick]
	return uint8(max(value, 0)), value >= 0
}

func (b board) truth(mixnode, epoch int) (float64, bool) {
	return truthTable(b.right...)(mixnode, epoch)
}

func (b board) name(epoch int) int64 { return int64(10 * epoch) }

// smallPlan returns a plan with two mixnodes, two epochs of two ticks, and four Nym-APIs: one is
// right, one 10 too high, one 10 too low, and one offline.
func smallPlan(lie Lie, liars ...int) *Plan {
	const lost = -1
	return &Plan{
		Config: Config{
			Nodes: 4, Mixnodes: 2, Epochs: 2, Epoch: 4e9, Ticks: 2, Estimator: "median", Seed: 1, Source: SourceWorld,
			Submit: SubmitRace, Verify: VerifyFull, Lie: lie, Liars: len(liars), Offline: 1, Single: 1,
		},
		roles: roles{liars: liars, offline: []int{4}},
		input: board{
			names: []metrics.MixID{"a", "b"},
			percent: [][][]int{
				{{80, 100, lost, lost}, {50, lost, 40, 40}},
				{{100, 100, 100, 100}, {60, 60, 50, 50}},
				{{80, 80, 80, 80}, {40, 40, 30, 30}},
				{{0, 0, 0, 0}, {0, 0, 0, 0}},
			},
			right: [][]float64{{90, 50}, {90, 40}},
		},
	}
}

func TestAloneIsPaidWhatItMeasuresWithGapsFilled(t *testing.T) {
	p := smallPlan(LieZero)
	require.Equal(t, payments{{9000, 5000}, {9000, 4000}}, p.alone(p.input, 1, 2), "the gap of a in epoch 2 is filled")
	require.Equal(t, payments{{10000, 6000}, {10000, 5000}}, p.alone(p.input, 2, 2))
	require.Equal(t, payments{nil, nil}, p.alone(p.input, 4, 2), "an offline one misses its epochs")
	require.InDeltaSlice(t, []float64{0, 10, 10}, p.everybodyAlone(2), 1e-12)

	p = smallPlan(LieHundred, 1)
	require.Equal(t, payments{{10000, 10000}, {10000, 10000}}, p.alone(p.input, 1, 2), "a liar that is alone is paid for its lies")
}

func TestCarriedValuesEndAfterTheLimit(t *testing.T) {
	p := smallPlan(LieZero)
	const lost = -1
	p.input = board{names: []metrics.MixID{"a"}, percent: [][][]int{{{70, 70, lost, lost, lost, lost, lost, lost, lost, lost}}}}
	require.Equal(t, payments{{7000}, {7000}, {7000}, {7000}, {metrics.Missing}}, p.alone(p.input, 1, 5))
}

func TestSameProbesNeedsASourceThatSendsPackets(t *testing.T) {
	p := smallPlan(LieZero)
	require.Nil(t, p.sameProbes(2))
	p.moreProbes = p.input
	require.InDelta(t, 0, *p.sameProbes(2), 1e-12)

	world, err := Default().Plan()
	require.NoError(t, err)
	one := world.alone(world.input, 1, 5).score(world.input.truth)
	more := world.sameProbes(5)
	require.Less(t, *more, *one.rmse(), "four times the packets measure better")
	require.Greater(t, *more, *one.rmse()/4)
}

func TestEstimatorsWorkOnTheSameMatrices(t *testing.T) {
	names := []metrics.MixID{"a", "b"}
	matrix, err := metrics.NewMatrix(names, []metrics.Row{
		{Reporter: "x", Values: []metrics.Uptime{0, 0}},
		{Reporter: "y", Values: []metrics.Uptime{9000, 5000}},
		{Reporter: "z", Values: []metrics.Uptime{9600, metrics.Missing}},
	})
	require.NoError(t, err)
	records := []Record{{Detail: detail(1, contract.StatusRewarded), Matrix: &matrix}, {Detail: detail(2, contract.StatusRewarded)}}
	estimator := func(name string) metrics.Estimator {
		e, err := metrics.ParseEstimator(name)
		require.NoError(t, err)
		return e
	}
	require.Equal(t, payments{{6200, metrics.Missing}, nil}, estimated(records, estimator("mean"), 1), "b has fewer than 2f+1 values")
	require.Equal(t, payments{{9000, metrics.Missing}, nil}, estimated(records, estimator("median"), 1))
	require.Equal(t, payments{{6200, 2500}, nil}, estimated(records, estimator("mean"), 0))
}

func TestAnUnlistedEstimatorHasALine(t *testing.T) {
	p := smallPlan(LieZero)
	p.Estimator = "trimmed(2)"
	lines := p.estimators(nil)
	require.Len(t, lines, 6)
	require.Equal(t, EstimatorSummary{Name: "trimmed(2)"}, lines[5])
}

func detail(epoch contract.Epoch, status contract.Status) contract.EpochDetail {
	return contract.EpochDetail{EpochSummary: contract.EpochSummary{ID: epoch, Status: status, Start: contract.Millis(4000 * epoch), End: contract.Millis(4000*epoch + 4000)}}
}
