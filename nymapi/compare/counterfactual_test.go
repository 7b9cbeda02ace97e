package compare

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
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

// other is the truth, 1 point higher.
func (b board) other(mixnode, epoch int) (float64, bool) {
	points, ok := b.truth(mixnode, epoch)
	return points + 1, ok
}

func (b board) truths() (string, string) { return "what is right", "one point more" }

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
	paid := p.alone(p.input, 2, 1, 2)
	require.Equal(t, [][]metrics.Uptime{{9000, 5000}, {9000, 4000}}, paidIn(paid), "the gap of a in epoch 2 is filled")
	require.EqualValues(t, 1, paid[1][0].CarriedFrom)
	require.Zero(t, paid[1][1].CarriedFrom)
	require.Equal(t, [][]metrics.Uptime{{10000, 6000}, {10000, 5000}}, paidIn(p.alone(p.input, 2, 2, 2)))
	require.Equal(t, [][]metrics.Uptime{nil, nil}, paidIn(p.alone(p.input, 2, 4, 2)), "an offline one misses its epochs")
	all := p.everybodyAlone(2, nil)
	require.Len(t, all, 3, "without the offline one")
	for i, want := range []float64{0, 10, 10} {
		require.InDelta(t, want, *all[i].RMSE, 1e-12)
		require.Equal(t, i+1, all[i].NymAPI)
	}
	require.Equal(t, 1, all[0].Carried)

	p = smallPlan(LieHundred, 1)
	require.Equal(t, [][]metrics.Uptime{{10000, 10000}, {10000, 10000}}, paidIn(p.alone(p.input, 2, 1, 2)), "a liar that is alone is paid for its lies")
}

// paidIn returns the paid values alone.
func paidIn(paid payments) [][]metrics.Uptime {
	all := make([][]metrics.Uptime, len(paid))
	for i, rewards := range paid {
		for _, reward := range rewards {
			all[i] = append(all[i], reward.Value)
		}
	}
	return all
}

func TestCarriedValuesEndAfterTheLimit(t *testing.T) {
	p := smallPlan(LieZero)
	const lost = -1
	p.input = board{names: []metrics.MixID{"a"}, percent: [][][]int{{{70, 70, lost, lost, lost, lost, lost, lost, lost, lost}}}}
	paid := p.alone(p.input, 2, 1, 5)
	require.Equal(t, [][]metrics.Uptime{{7000}, {7000}, {7000}, {7000}, {metrics.Missing}}, paidIn(paid))
	q := p.quality(paid, nil)
	require.Equal(t, []int{5, 1, 3, 1}, []int{q.Cells, q.Fresh, q.Carried, q.Unpaid})
}

func TestSameProbesNeedsASourceThatSendsPackets(t *testing.T) {
	p := smallPlan(LieZero)
	require.Nil(t, p.sameProbes(2, nil))

	world, err := Default().Plan()
	require.NoError(t, err)
	one := world.quality(world.alone(world.input, world.Ticks, 1, 5), nil)
	more := world.sameProbes(5, nil)
	require.Less(t, *more.RMSE, *one.RMSE, "four times the packets measure better")
	require.Greater(t, *more.RMSE, *one.RMSE/4)

	world, err = with(func(c *Config) { c.Offline, c.Single = 1, 4 }).Plan()
	require.NoError(t, err)
	require.Nil(t, world.sameProbes(5, nil), "offline")
}

// With 90 % of the measurements lost, 4 Nym-APIs together still pay most cells, and so does one
// that measures four times as often.
func TestMeasurementsOfOneTickAreLostByThemselves(t *testing.T) {
	p, err := with(func(c *Config) { c.Missing, c.Ticks = .9, 1 }).Plan()
	require.NoError(t, err)
	lost := 0
	for i := range p.input.mixnodes() {
		first, ok := p.more.sample(1, i, 0)
		want, wanted := p.input.sample(1, i, 0)
		require.Equal(t, wanted, ok)
		require.Equal(t, want, first, "the first is the one that the Nym-API makes in any case")
		any := false
		for tick := range int64(4) {
			_, ok := p.more.sample(1, i, tick)
			any = any || ok
		}
		if !any {
			lost++
		}
	}
	require.InDelta(t, .6561*240, lost, 30, "0.9 to the power of 4")
}

// The figures of docs/FIGURES.md, and what the truth does to them: one Nym-API is neither above nor
// below it on average, and the median of four is above, because the measurements are skewed.
func TestTwentyEpochsOfTheDefaultWorld(t *testing.T) {
	const epochs = 20
	p, err := with(func(c *Config) { c.Epochs = epochs }).Plan()
	require.NoError(t, err)
	records := make([]Record, epochs)
	for i := range records {
		m := reports(t, p, i+1)
		records[i] = Record{Detail: detail(contract.Epoch(i+1), contract.StatusRewarded), Matrix: &m}
	}
	single := p.quality(p.alone(p.input, p.Ticks, 1, epochs), nil)
	median := p.estimators(records, nil)[1]
	require.InDelta(t, 0.03, *single.Bias, 0.005)
	require.InDelta(t, -0.88, *single.BiasOther, 0.005)
	require.InDelta(t, 2.14, *median.RMSE, 0.005)
	require.InDelta(t, 0.38, *median.Bias, 0.005)
	require.InDelta(t, 1.95, *p.sameProbes(epochs, nil).RMSE, 0.005)
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
	require.Equal(t, [][]metrics.Uptime{{6200, metrics.Missing}, nil}, paidIn(estimated(records, estimator("mean"), 1)), "b has fewer than 2f+1 values")
	require.Equal(t, [][]metrics.Uptime{{9000, metrics.Missing}, nil}, paidIn(estimated(records, estimator("median"), 1)))
	require.Equal(t, [][]metrics.Uptime{{6200, 2500}, nil}, paidIn(estimated(records, estimator("mean"), 0)))
}

func TestAnUnlistedEstimatorHasALine(t *testing.T) {
	p := smallPlan(LieZero)
	p.Estimator = "trimmed(2)"
	lines := p.estimators(nil, nil)
	require.Len(t, lines, 6)
	require.Equal(t, EstimatorSummary{Name: "trimmed(2)"}, lines[5])
}

func detail(epoch contract.Epoch, status contract.Status) contract.EpochDetail {
	return contract.EpochDetail{EpochSummary: contract.EpochSummary{ID: epoch, Status: status, Start: contract.Millis(4000 * epoch), End: contract.Millis(4000*epoch + 4000)}}
}

// The history of an estimator that weighs reporters is the one that the description states.
func TestEstimatorsUseTheHistoryOfTheEpoch(t *testing.T) {
	var rows []metrics.Row
	var state contract.State
	for i, member := range contracttest.Group(4).Members() {
		rows = append(rows, metrics.Row{Reporter: member.PeerID(), Values: []metrics.Uptime{metrics.Uptime(9000 + 10*i)}})
		squared := int64(10_000)
		if i == 3 {
			rows[i].Values[0], squared = 0, metrics.MaxDeviation
		}
		state.History = append(state.History, contract.Deviation{Reporter: member, Squared: squared})
	}
	matrix, err := metrics.NewMatrix([]metrics.MixID{"a"}, rows)
	require.NoError(t, err)
	record := Record{Matrix: &matrix}
	record.Detail.ID = 2
	paid := func() metrics.Uptime { return estimated([]Record{record}, metrics.WeightedByHistory(), 1)[0][0].Value }
	require.EqualValues(t, 9005, paid(), "all weigh the same")
	record.Detail.Description.State = state
	require.EqualValues(t, 9010, paid(), "the liar weighs little")
}
