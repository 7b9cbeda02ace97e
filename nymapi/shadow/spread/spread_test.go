package spread

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/window"
)

var start = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)

// build returns a window with a report for each node, epoch and submitter; value returns it in
// percent, or less than 0 for none.
func build(t require.TestingT, nodes, epochs, submitters int, value func(node, epoch, submitter int) float64) *window.Window {
	b := window.NewBuilder(window.Span{Start: start, Epoch: time.Hour, Epochs: epochs})
	for n := range nodes {
		for e := range epochs {
			for s := range submitters {
				v := value(n, e, s)
				if v < 0 {
					continue
				}
				require.NoError(t, b.Add(window.Measurement{
					Node: window.Node{Name: fmt.Sprint(n)}, Submitter: fmt.Sprint(s), Time: start.Add(time.Duration(e) * time.Hour),
					Value: int32(math.Round(v * window.Full / 100)), Reachable: v > 0,
				}))
			}
		}
	}
	return b.Window()
}

// chance returns a number from 0 to 1 that looks random.
func chance(seed uint64, words ...int) float64 {
	s := draw.State(seed)
	for _, w := range words {
		s = s.With(uint64(w))
	}
	return float64(s.Fraction()) / draw.One
}

// packets returns the percentage of 20 packets that come back from a node.
func packets(seed uint64, reliability float64, words ...int) float64 {
	count := 0
	words = append(words, 0)
	for p := range 20 {
		words[len(words)-1] = p
		if chance(seed, words...) < reliability {
			count++
		}
	}
	return float64(count) / 20 * 100
}

func TestMediansAndPairsAreThoseOfAllOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int32Range(0, 10000), 2, 9).Draw(t, "values")
		slices.Sort(values)
		var sorted []report
		for i, v := range values {
			sorted = append(sorted, report{i, metrics.Uptime(v)})
		}
		sum, pairs := 0.0, 0.0
		for i := range values {
			others := slices.Delete(slices.Clone(values), i, i+1)
			middle := float64(others[(len(others)-1)/2]+others[len(others)/2]) / 2
			require.InDelta(t, middle/100, medianWithout(sorted, i), 1e-9)
			for _, other := range others {
				sum, pairs = sum+math.Abs(float64(values[i]-other))/100, pairs+1
			}
		}
		require.InDelta(t, sum/pairs, pairDifference(sorted), 1e-9)
	})
}

func TestOneWrongSubmitterStandsOut(t *testing.T) {
	for _, n := range []int{3, 4, 7} {
		w := build(t, 30, 24, n, func(node, epoch, s int) float64 {
			v := packets(1, 0.95, node, epoch, s)
			if s == 1 {
				return v - 15
			}
			return v
		})
		figures := Submitters(w, NewBootstrap(24))
		for s, f := range figures {
			require.Equal(t, s == 1, f.StandOut, "%d of %d: %+v", s, n, f.Excess)
			require.Equal(t, 30*24, f.Compared)
		}
		require.InDelta(t, -15, figures[1].Bias.Value, 1.5)
		require.Negative(t, figures[1].Bias.High)
		nodes, _ := Nodes(w, NewBootstrap(24))
		for _, f := range nodes {
			require.True(t, f.StandOut)
			require.Equal(t, 1, f.Farthest)
			require.InDelta(t, -15, f.Deviation.Value, 5)
		}
	}
}

// Of two, none is farther from the other.
func TestOfTwoSubmittersNobodyStandsOut(t *testing.T) {
	w := build(t, 30, 24, 2, func(node, epoch, s int) float64 { return packets(1, 0.95, node, epoch, s) * float64(1-s) })
	figures := Submitters(w, NewBootstrap(24))
	require.False(t, figures[0].StandOut || figures[1].StandOut)
	require.InDelta(t, 95, figures[0].Distance.Value, 1)
	require.InDelta(t, figures[0].Distance.Value, figures[1].Distance.Value, 1e-9)
	require.InDelta(t, figures[0].Bias.Value, -figures[1].Bias.Value, 1e-9)
	require.Zero(t, figures[0].Excess.Value)
	nodes, _ := Nodes(w, NewBootstrap(24))
	require.True(t, nodes[0].StandOut, "that they disagree is certain")
}

func TestOneSubmitterIsComparedWithNobody(t *testing.T) {
	w := build(t, 3, 24, 1, func(int, int, int) float64 { return 90 })
	require.Equal(t, []Distances{{}}, Submitters(w, NewBootstrap(24)))
	nodes, typical := Nodes(w, NewBootstrap(24))
	require.Equal(t, Differences{Farthest: -1, Judged: 24, Alone: 24}, nodes[0])
	require.Equal(t, make([]float64, 24), typical)
}

// Honest submitters differ only by chance. The thresholds of 1 point are taken away, because they
// alone would keep everybody in: what remains is the chance of a false alarm.
func TestChanceAloneRarelyMakesAnybodyStandOut(t *testing.T) {
	const worlds, epochs = 30, 24
	submitters, nodes := 0, 0
	for world := range uint64(worlds) {
		w := build(t, 20, epochs, 7, func(node, epoch, s int) float64 { return packets(world, 0.9+0.005*float64(node), node, epoch, s) })
		b := NewBootstrap(epochs)
		judged := slices.ContainsFunc(Submitters(w, b), func(d Distances) bool {
			d.Excess.Value += LeastExcess
			return newJudge(7).standsOut(d.Excess)
		})
		differences, _ := Nodes(w, b)
		about := slices.ContainsFunc(differences, func(d Differences) bool {
			a := d.Deviation.absolute()
			a.Value += LeastExcess
			return newJudge(2 * 20 * 7).standsOut(a)
		})
		if judged {
			submitters++
		}
		if about {
			nodes++
		}
	}
	t.Logf("false alarms in %d worlds: submitters %d, nodes %d", worlds, submitters, nodes)
	const most = 6 // of 30 with a chance of 5 % each: more than 6 has a chance of 0.1 %
	require.LessOrEqual(t, submitters, most)
	require.LessOrEqual(t, nodes, most)
}

// A difference that lasts for some epochs and ends is not certain to be there.
func TestABurstDoesNotStandOut(t *testing.T) {
	w := build(t, 30, 24, 4, func(node, epoch, s int) float64 {
		if s == 0 && epoch < 2 {
			return 0
		}
		return packets(1, 0.95, node, epoch, s)
	})
	figures := Submitters(w, NewBootstrap(24))
	require.False(t, figures[0].StandOut)
	require.Greater(t, figures[0].Excess.Value, 3*LeastExcess)
}

func TestFewEpochsMakeNoIntervalAndNobodyStandOut(t *testing.T) {
	for _, epochs := range []int{1, LeastEpochs - 1, LeastEpochs, LeastJudged - 1, LeastJudged} {
		w := build(t, 30, epochs, 4, func(node, epoch, s int) float64 { return packets(1, 0.95, node, epoch, s) * float64(min(s, 1)) })
		f := Submitters(w, NewBootstrap(epochs))[0]
		require.Equal(t, epochs >= LeastEpochs, f.Distance.Interval(), epochs)
		require.Equal(t, epochs >= LeastJudged, f.StandOut, epochs)
		if !f.Distance.Interval() {
			require.Equal(t, f.Distance.Value, f.Distance.Low)
		}
	}
}

// An interval is about as wide as the theory says, and holds what repeats from epoch to epoch in
// blocks.
func TestIntervalsAreThoseOfTheMean(t *testing.T) {
	const epochs = 200
	values, ones := make([]float64, epochs), make([]float64, epochs)
	for e := range values {
		values[e], ones[e] = chance(3, e), 1
	}
	e := NewBootstrap(epochs).Ratio(values, ones)
	require.InDelta(t, 2*1.96*math.Sqrt(1.0/12/epochs), e.High-e.Low, 0.02)
	require.True(t, e.Low < 0.5 && e.High > 0.5)
	require.Equal(t, e, NewBootstrap(epochs).Ratio(values, ones), "the same draws each time")
	for i := range values {
		values[i] = chance(3, i/6) // each value lasts for six epochs, which is a block
	}
	lasting := NewBootstrap(epochs).Ratio(values, ones)
	require.Greater(t, lasting.High-lasting.Low, 1.7*(e.High-e.Low))
	require.Nil(t, NewBootstrap(epochs).Ratio(values, make([]float64, epochs)))
}

func TestANodeThatOnePlaceDoesNotReachIsFound(t *testing.T) {
	w := build(t, 4, 10, 3, func(node, epoch, s int) float64 {
		switch {
		case node == 1 && s == 2, node == 2, node == 3 && s == 0 && epoch < 5:
			return 0
		}
		return 100
	})
	require.Equal(t, []OnePlace{{Node: 1, Submitter: 2, Rows: 10, Unreachable: 1, Others: 0}}, OnePlaces(w),
		"node 2 is unreachable for all, and node 3 for half of the time")
}

func TestWhatIsNotMeasuredIsToldApartFromWhatDoesNotAnswer(t *testing.T) {
	w := build(t, 2, 3, 2, func(node, epoch, s int) float64 {
		switch {
		case s == 1 && epoch == 0, s == 1 && epoch == 1 && node == 0:
			return -1 // absent, then a gap
		case s == 1 && epoch == 2 && node == 0:
			return 0
		}
		return 100
	})
	require.Equal(t, []Silence{{Cells: 6, Measured: 6}, {Cells: 6, Missing: 3, Absent: 2, Measured: 3, Unreached: 1}}, Silences(w))
}

func TestNodesJudgedAloneAreCounted(t *testing.T) {
	w := build(t, 2, 9, 3, func(node, epoch, s int) float64 {
		if node == 0 && s > 0 && epoch < 4 || node == 1 && (s != 2 || epoch == 8) {
			return -1
		}
		return 100
	})
	nodes, _ := Nodes(w, NewBootstrap(9))
	require.Equal(t, []int{4, 8}, []int{nodes[0].Alone, nodes[1].Alone}, "nobody judged node 1 in the last epoch")
	require.Equal(t, []int{9, 8}, []int{nodes[0].Judged, nodes[1].Judged})
	require.Nil(t, nodes[1].Deviation)
}
