package observe

import (
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// drawBroken, mixnode: whether the path to it is broken. It is a kind of draw.
const drawBroken = 1100

// Noisier multiplies the distance of one observer's values (from 0) from the truth, as if its
// measurements were worse. Values end at 0 and 100 points.
func Noisier(observer int, times float64) Effect {
	return func(o Observations, _ draw.State) Observations {
		return o.replaceOf(func(i int) bool { return i == observer }, func(epoch, _, mixnode int, v metrics.Uptime) metrics.Uptime {
			right := o.Truth[epoch][mixnode] * float64(metrics.PerPoint)
			if math.IsNaN(right) {
				return v
			}
			return clamp(right + times*(float64(v)-right))
		})
	}
}

// Broken has one observer (from 0) measure 0 for a share of the mixnodes, always the same ones,
// because its paths to them are broken.
func Broken(observer int, share float64) Effect {
	return func(o Observations, seed draw.State) Observations {
		most := uint64(share * draw.One)
		return o.replaceOf(func(i int) bool { return i == observer }, func(_, _, mixnode int, v metrics.Uptime) metrics.Uptime {
			if seed.With(drawBroken).With(uint64(mixnode)).Fraction() < most {
				return 0
			}
			return v
		})
	}
}

// Shifted adds points to the values of some observers, which share a bias. Values end at 0 and 100
// points.
func Shifted(observers []int, points float64) Effect {
	among := map[int]bool{}
	for _, i := range observers {
		among[i] = true
	}
	return func(o Observations, _ draw.State) Observations {
		return o.replaceOf(func(i int) bool { return among[i] }, func(_, _, _ int, v metrics.Uptime) metrics.Uptime {
			return clamp(float64(v) + points*float64(metrics.PerPoint))
		})
	}
}

// Constant removes all values of the mixnodes whose truth changes from epoch to epoch, and their
// truth.
func Constant() Effect {
	return func(o Observations, _ draw.State) Observations {
		changes := make([]bool, o.Mixnodes)
		for _, truth := range o.Truth {
			for j, right := range truth {
				changes[j] = changes[j] || right != o.Truth[0][j]
			}
		}
		truth := make([][]float64, len(o.Truth))
		for e := range truth {
			truth[e] = slices.Clone(o.Truth[e])
			for j, change := range changes {
				if change {
					truth[e][j] = math.NaN()
				}
			}
		}
		o = o.replace(func(_, _, mixnode int, v metrics.Uptime) metrics.Uptime {
			if changes[mixnode] {
				return metrics.Missing
			}
			return v
		})
		o.Truth = truth
		return o
	}
}

// replaceOf replaces the values of some observers that are not missing.
func (o Observations) replaceOf(among func(int) bool, by func(epoch, observer, mixnode int, v metrics.Uptime) metrics.Uptime) Observations {
	return o.replace(func(epoch, observer, mixnode int, v metrics.Uptime) metrics.Uptime {
		if v == metrics.Missing || !among(observer) {
			return v
		}
		return by(epoch, observer, mixnode, v)
	})
}

func clamp(value float64) metrics.Uptime {
	return metrics.Uptime(math.Round(min(float64(metrics.Full), max(0, value))))
}
