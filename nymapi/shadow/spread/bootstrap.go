package spread

import (
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

const (
	// Resamples is how often the epochs are drawn.
	Resamples = 2000
	// LeastEpochs is the smallest number of epochs of which an interval is computed.
	LeastEpochs = 4
	// Confidence is the share of the resamples that an interval holds.
	Confidence = 0.95

	seed = 1
)

// Estimate is a figure with its 95 % interval.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	// Epochs is the number of epochs that have a value. Below LeastEpochs there is no interval, and
	// Low and High are Value.
	Epochs int `json:"epochs"`

	deviation float64 // standard deviation of the resamples
}

// Interval reports whether Low and High are an interval.
func (e Estimate) Interval() bool { return e.Epochs >= LeastEpochs }

// Bootstrap draws epochs with replacement, in circular blocks of epochs that follow each other, so
// that what lasts longer than an epoch makes intervals wider (Politis and Romano, 1992). All
// figures are computed from the same draws.
type Bootstrap struct {
	epochs int
	draws  []uint16 // how often each resample has each epoch, Resamples x epochs
}

// NewBootstrap returns the draws for that many epochs. They are the same each time.
func NewBootstrap(epochs int) *Bootstrap {
	b := &Bootstrap{epochs: epochs}
	if epochs < LeastEpochs {
		return b
	}
	b.draws = make([]uint16, Resamples*epochs)
	length := BlockLength(epochs)
	for r := range Resamples {
		draws := b.draws[r*epochs:][:epochs]
		for drawn := 0; drawn < epochs; {
			start := int(draw.State(seed).With(uint64(r)).With(uint64(drawn)).Below(uint64(epochs)))
			for i := 0; i < length && drawn < epochs; i++ {
				draws[(start+i)%epochs]++
				drawn++
			}
		}
	}
	return b
}

// BlockLength returns the number of epochs in a block: the cube root of all, rounded up.
func BlockLength(epochs int) int { return int(math.Ceil(math.Cbrt(float64(epochs)) - 1e-9)) }

// Ratio returns the sum of the numerators divided by that of the denominators, each of one epoch.
// Epochs without a value have 0 in both. It returns nil if no epoch has one.
func (b *Bootstrap) Ratio(numerators, denominators []float64) *Estimate {
	var above, below float64
	epochs := 0
	for e := range numerators {
		above, below = above+numerators[e], below+denominators[e]
		if denominators[e] > 0 {
			epochs++
		}
	}
	if below == 0 {
		return nil
	}
	value := above / below
	estimate := &Estimate{Value: value, Low: value, High: value, Epochs: epochs}
	if epochs < LeastEpochs {
		return estimate
	}
	resampled := make([]float64, 0, Resamples)
	for r := range Resamples {
		above, below = 0, 0
		for e, times := range b.draws[r*b.epochs:][:b.epochs] {
			above, below = above+float64(times)*numerators[e], below+float64(times)*denominators[e]
		}
		if below > 0 {
			resampled = append(resampled, above/below)
		}
	}
	slices.Sort(resampled)
	tail := (1 - Confidence) / 2
	estimate.Low, estimate.High = quantile(resampled, tail), quantile(resampled, 1-tail)
	estimate.deviation = deviation(resampled)
	return estimate
}

// quantile returns the value below which a share of the ascending values lie.
func quantile(sorted []float64, share float64) float64 {
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func deviation(values []float64) float64 {
	var sum, squares float64
	for _, v := range values {
		sum += v
	}
	mean := sum / float64(len(values))
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(len(values)))
}
