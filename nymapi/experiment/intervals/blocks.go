package intervals

import (
	"math"

	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// drawBlock, resample, block: where a block of a resample begins in the series.
const drawBlock = 2

// BlockLength returns the length of the blocks for a series: the cube root of its length, rounded
// up, the order at which bias and variance of the moving-block bootstrap balance (Hall, Horowitz
// and Jing, Biometrika 82, 1995).
func BlockLength(series int) int {
	length := 1
	for length*length*length < series {
		length++
	}
	return length
}

// Blocks returns the mean of a series, such as the errors of consecutive epochs, with the interval
// of a moving-block bootstrap (Künsch, Annals of Statistics 17, 1989): resamples are made of whole
// blocks of consecutive values, so that dependence within a block is kept. The percentiles are
// expanded for the number of blocks that fit into the series. Dependence over more than a block
// makes the interval too narrow. If fewer than two blocks fit, the bounds are infinite.
func Blocks(series []float64, length int) Interval {
	mean := Mean(series)
	if math.IsNaN(mean) {
		return Interval{mean, mean, mean}
	}
	fit := float64(len(series)) / float64(length)
	if length < 1 || fit < 2 {
		return Interval{mean, math.Inf(-1), math.Inf(1)}
	}
	sums := make([]float64, len(series)-length+1)
	grand := 0.0
	for i := range sums {
		for _, v := range series[i : i+length] {
			sums[i] += v - mean
		}
		grand += sums[i]
	}
	// The blocks contain the ends of the series less often, so their mean is not that of the series.
	center := grand / float64(len(sums))
	ends, count := newEnds(tail(fit)+1), int(math.Round(fit))
	for r := range resamples {
		sum := 0.0
		for k := range count {
			at := draw.State(0).With(drawBlock).With(uint64(r)).With(uint64(k))
			sum += sums[at.Below(uint64(len(sums)))] - center
		}
		ends.add(sum / float64(count*length))
	}
	return Interval{mean, mean + ends.low(), mean + ends.high()}
}
