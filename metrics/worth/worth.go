// Package worth says what scores of mixnodes are worth at Nym: how likely a node is drawn into the
// rewarded set, and what it earns there. It is arithmetic on floating-point numbers, for statistics
// only: nothing that is signed or compared between machines may depend on it.
//
// The figures are those of Nym's mixnet in 2026. Its reward is linear in the score of a node, and
// the weight with which a node is drawn is its stake times the 20th power of its score. Here all
// stakes are equal.
package worth

import "math"

const (
	// Nodes is the number of nodes that want to be rewarded.
	Nodes = 743
	// Places is the size of the rewarded set of an epoch.
	Places = 240
	// Budget is what an epoch pays to the rewarded set, in NYM.
	Budget = 4628.15
)

// Pay returns what a node of the rewarded set earns in an epoch with a score of 0 to 1, in NYM.
func Pay(score float64) float64 { return Budget / Places * score }

// Weight returns the weight with which a node of a score of 0 to 1 is drawn: score^20.
func Weight(score float64) float64 {
	square := score * score
	fourth := square * square
	sixteenth := fourth * fourth * fourth * fourth
	return sixteenth * fourth
}

// Chances returns the probability that each node is among the places that are drawn one after the
// other by [Weight], without replacement. Scores are 0 to 1. The sum is the number of places, or of
// the nodes with a positive weight if these are fewer.
//
// A draw without replacement is a race in which the first arrivals win, if node i arrives after an
// exponential time of rate w_i (Efraimidis and Spirakis, Information Processing Letters 97, 2006).
// With hundreds of places the time t of the last winner hardly varies, so the probability is
// 1 - exp(-w_i t), for the t at which they sum to the number of places (Rosén, Journal of
// Statistical Planning and Inference 62, 1997). The error is below 0.002 for Nym's numbers, which a
// test shows by drawing.
func Chances(scores []float64, places int) []float64 {
	weights := make([]float64, len(scores))
	positive := 0
	for i, score := range scores {
		weights[i] = Weight(score)
		if weights[i] > 0 {
			positive++
		}
	}
	chances := make([]float64, len(scores))
	if places <= 0 {
		return chances
	}
	if positive <= places {
		for i, w := range weights {
			if w > 0 {
				chances[i] = 1
			}
		}
		return chances
	}
	t := lastArrival(weights, float64(places))
	for i, w := range weights {
		chances[i] = -math.Expm1(-w * t)
	}
	return chances
}

// lastArrival returns the time at which the expected number of arrivals is that of the places. It
// is Newton's method on a concave function from below, which approaches the time from one side.
func lastArrival(weights []float64, places float64) float64 {
	const enough = 1e-9 // places
	t := 0.0
	for range 200 {
		missing, rate := places, 0.0
		for _, w := range weights {
			stays := math.Exp(-w * t)
			missing -= 1 - stays
			rate += w * stays
		}
		if missing < enough || rate == 0 {
			break
		}
		t += missing / rate
	}
	return t
}
