package worth

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestEqualScoresHaveEqualChances(t *testing.T) {
	scores := slices.Repeat([]float64{0.97}, Nodes)
	for _, chance := range Chances(scores, Places) {
		require.InDelta(t, float64(Places)/Nodes, chance, 1e-9)
	}
}

func TestChancesSumToThePlacesAndAscendWithTheScore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 200).Draw(t, "scores")
		slices.Sort(scores)
		places := rapid.IntRange(0, 220).Draw(t, "places")
		chances := Chances(scores, places)
		sum, positive := 0.0, 0
		for i, chance := range chances {
			require.True(t, chance >= 0 && chance <= 1, chance)
			if i > 0 {
				require.GreaterOrEqual(t, chance, chances[i-1])
			}
			if Weight(scores[i]) > 0 {
				positive++
			}
			sum += chance
		}
		require.InDelta(t, float64(min(places, positive)), sum, 1e-6)
	})
}

// TestChancesAreThoseOfDrawing draws rewarded sets, and compares how often nodes are in them.
func TestChancesAreThoseOfDrawing(t *testing.T) {
	draws := 40_000
	if testing.Short() {
		draws = 8_000
	}
	deviation := 0.5 / math.Sqrt(float64(draws)) // of how often a node is drawn, at most
	random := rand.New(rand.NewPCG(1, 2))
	scores := make([]float64, Nodes)
	for i := range scores {
		scores[i] = 1 - 0.4*random.Float64()*random.Float64()
	}
	type arrival struct {
		node int
		at   float64
	}
	counts, arrivals := make([]int, Nodes), make([]arrival, Nodes)
	for range draws {
		for i, score := range scores {
			arrivals[i] = arrival{i, random.ExpFloat64() / Weight(score)}
		}
		slices.SortFunc(arrivals, func(a, b arrival) int {
			if a.at < b.at {
				return -1
			}
			return 1
		})
		for _, a := range arrivals[:Places] {
			counts[a.node]++
		}
	}
	squares := 0.0
	for i, chance := range Chances(scores, Places) {
		drawn := float64(counts[i]) / float64(draws)
		require.InDelta(t, drawn, chance, 4*deviation+0.002, "node %d: four standard deviations and the error", i)
		squares += (drawn - chance) * (drawn - chance)
	}
	require.Less(t, math.Sqrt(squares/Nodes), 1.2*deviation)
}

func TestAPointIsAHundredthOfTheReward(t *testing.T) {
	require.InDelta(t, 19.2840, Pay(1), 1e-4)
	require.InDelta(t, Pay(1)/100, Pay(0.95)-Pay(0.94), 1e-12)
}

// TestAPointAt95ChangesTheWeightByAFifth is what operators see: at a score of 0.95 one point more
// or less changes the weight by +23 % and -19 %.
func TestAPointAt95ChangesTheWeightByAFifth(t *testing.T) {
	require.InDelta(t, 1.23, Weight(0.96)/Weight(0.95), 0.005)
	require.InDelta(t, 0.81, Weight(0.94)/Weight(0.95), 0.005)
}

func BenchmarkChances(b *testing.B) {
	scores := make([]float64, Nodes)
	for i := range scores {
		scores[i] = 1 - float64(i%40)/100
	}
	for b.Loop() {
		Chances(scores, Places)
	}
}
