package performance_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func percent() *rapid.Generator[performance.Percent] {
	return rapid.Map(rapid.IntRange(0, 100), func(i int) performance.Percent { return performance.Percent(i) })
}

func optional() *rapid.Generator[performance.Percent] {
	return rapid.OneOf(percent(), rapid.Just(performance.Absent))
}

func values() *rapid.Generator[performance.Values] {
	return rapid.Custom(func(t *rapid.T) performance.Values {
		return performance.Values{optional().Draw(t, "liveness"), optional().Draw(t, "stress"), optional().Draw(t, "config")}
	})
}

// weights are pairs of at most 16 decimals that sum to 1. With more, the contract cuts products.
func weights() *rapid.Generator[performance.Weights] {
	return rapid.Custom(func(t *rapid.T) performance.Weights {
		liveness := 100 * rapid.Uint64Range(0, 10_000_000_000_000_000).Draw(t, "liveness")
		return performance.Weights{Liveness: performance.Weight(liveness), Stress: performance.Weight(1_000_000_000_000_000_000 - liveness)}
	})
}

func TestMedianIsThatOfTheSortedValuesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		submitted := rapid.SliceOfN(percent(), 1, 20).Draw(t, "submitted")
		var bundle performance.Bundle
		for _, p := range submitted {
			bundle.Insert(performance.Values{p, performance.Absent, performance.Absent})
		}
		sorted := slices.Sorted(slices.Values(submitted))
		require.Equal(t, sorted, bundle[performance.Liveness])
		low, high := int(sorted[(len(sorted)-1)/2]), int(sorted[len(sorted)/2])
		want := (low + high + 1) / 2
		require.Equal(t, performance.Values{performance.Percent(want), performance.Absent, performance.Absent}, bundle.Medians())
	})
}

func TestScoreIsBetweenItsKindsTimesConfig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		medians, w := values().Draw(t, "medians"), weights().Draw(t, "weights")
		score := w.Score(medians)
		var counted []int
		if medians[performance.Liveness] != performance.Absent && w.Liveness > 0 {
			counted = append(counted, int(medians[performance.Liveness]))
		}
		if medians[performance.Stress] != performance.Absent && w.Stress > 0 {
			counted = append(counted, int(medians[performance.Stress]))
		}
		config := int(medians[performance.Config])
		if len(counted) == 0 || medians[performance.Config] == performance.Absent {
			require.Equal(t, performance.Absent, score)
			return
		}
		require.GreaterOrEqual(t, int(score), (slices.Min(counted)*config+50)/100)
		require.LessOrEqual(t, int(score), (slices.Max(counted)*config+50)/100)
	})
}

func TestScoreIsCutAfter18DecimalsAsInTheContract(t *testing.T) {
	third := performance.Weights{Liveness: 333_333_333_333_333_333, Stress: 666_666_666_666_666_667}
	require.EqualValues(t, 42, third.Score(performance.Values{85, performance.Absent, 50}), "0.425 without the cut")
	require.EqualValues(t, 43, third.Score(performance.Values{performance.Absent, 85, 51}))
}

func TestPercentsSurviveMessagesAndUptimes(t *testing.T) {
	for i := range 101 {
		p := performance.Percent(i)
		parsed, err := performance.ParsePercent(p.Decimal())
		require.NoError(t, err)
		require.Equal(t, p, parsed)
		require.Equal(t, p, performance.PercentOf(p.Uptime()))
	}
	require.Equal(t, performance.Absent, performance.PercentOf(metrics.Missing))
	require.Equal(t, metrics.Missing, performance.Absent.Uptime())
	require.Equal(t, performance.Percent(99), performance.PercentOf(9949))
	require.Equal(t, performance.Percent(100), performance.PercentOf(9950))
	require.Empty(t, performance.Absent.Decimal())
}

func TestOnlyDecimalsFromZeroToOneAreRead(t *testing.T) {
	for text, want := range map[string]performance.Percent{
		"0": 0, "1": 100, "1.0": 100, "00.5": 50, "0.005": 1, "0.004999999999999999": 0, "0.994999999999999999": 99,
	} {
		got, err := performance.ParsePercent(text)
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", ".", ".5", "1.", "1.01", "2", "-0", "+1", "1e-2", " 1", "0.5 ", "0,5", "0.0000000000000000001", "99999999999999999999"} {
		_, err := performance.ParsePercent(text)
		require.ErrorIs(t, err, performance.ErrDecimal, text)
		_, err = performance.ParseWeight(text)
		require.ErrorIs(t, err, performance.ErrDecimal, text)
	}
}

func TestWeightsThatOverflowDoNotSumToOne(t *testing.T) {
	const one = performance.Weight(1_000_000_000_000_000_000)
	_, err := performance.New(performance.Start{Weights: performance.Weights{Liveness: one + 1, Stress: math.MaxUint64}})
	require.ErrorContains(t, err, "WeightsDoNotSumToOne")
	require.Equal(t, performance.Weights{Liveness: one}, performance.LivenessOnly())
}

func TestTheEpochsEnd(t *testing.T) {
	c, err := performance.New(performance.Start{Admin: "a", Epoch: performance.LastEpoch - 1, Weights: performance.LivenessOnly(), Monitors: []performance.Address{"m"}})
	require.NoError(t, err)
	c.Advance(7)
	require.NoError(t, c.Authorise("a", "n"))
	cursor, _ := c.Cursor("n")
	require.Equal(t, performance.LastEpoch, cursor.Epoch)
	from, err := c.UpdateWeights("a", performance.LivenessOnly())
	require.NoError(t, err)
	require.Equal(t, performance.LastEpoch+1, from)
}

// BenchmarkBatch submits 240 nodes by 17 monitors in each epoch, and asks for the inputs of each.
func BenchmarkBatch(b *testing.B) {
	const nodes, monitors = 240, 17
	entries := make([]performance.Entry, nodes)
	start := performance.Start{Admin: "admin", Weights: performance.LivenessOnly()}
	for i := range entries {
		entries[i] = performance.Entry{Node: performance.NodeID(i + 1), Values: performance.Values{performance.Percent(i % 101), performance.Absent, performance.Full}}
		start.Bonded = append(start.Bonded, entries[i].Node)
	}
	for i := range monitors {
		start.Monitors = append(start.Monitors, performance.Address(fmt.Sprint("m", i)))
	}
	c, err := performance.New(start)
	require.NoError(b, err)
	b.ReportAllocs()
	epoch := performance.EpochID(0)
	for b.Loop() {
		for _, monitor := range start.Monitors {
			if _, err := c.Batch(monitor, epoch, entries); err != nil {
				b.Fatal(err)
			}
		}
		for _, entry := range entries {
			if c.Inputs(epoch, entry.Node).Score == performance.Absent {
				b.Fatal("no score")
			}
		}
		c.Advance(1)
		epoch++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*nodes*monitors), "ns/entry")
}
