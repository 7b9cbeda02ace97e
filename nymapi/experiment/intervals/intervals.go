// Package intervals says how certain means over independent runs are: bootstrap intervals, p-values
// of paired differences, and their adjustment when many are looked at. It is arithmetic, and
// deterministic: the same values yield the same interval. It knows nothing about rules or lies.
package intervals

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

const (
	// Level is the coverage of all intervals.
	Level = 0.95
	// leastValues is the least number of values of which an interval is computed. Of five it covers
	// 92 %, of fewer much less.
	leastValues = 5
	// resamples is how many times the mean of a resample is computed for an interval.
	resamples = 2000
	// drawIndex, resample, position: which of the values is at that position of a resample.
	drawIndex = 1
)

// Interval is a mean with the bounds of its interval, in the unit of the values. All are NaN if a
// value was NaN or without values. The bounds are infinite if there were fewer than five values,
// which say too little about others.
type Interval struct{ Mean, Low, High float64 }

// Contains reports whether x lies in the interval.
func (i Interval) Contains(x float64) bool { return i.Low <= x && x <= i.High }

// Half returns half of the width.
func (i Interval) Half() float64 { return (i.High - i.Low) / 2 }

// Bootstrap computes intervals of means of a fixed number of values. All intervals use the same
// resamples, so those of differences fit those of their parts. It is safe for concurrent use.
type Bootstrap struct {
	size    int
	indices []uint16 // of the values of all resamples
	tail    int      // the bounds are the means number tail from each end, from 0
}

// New returns a bootstrap for means of size values, at most 65,535.
func New(size int) Bootstrap {
	b := Bootstrap{size: size, indices: make([]uint16, resamples*size), tail: tail(float64(size))}
	for k := range b.indices {
		at := draw.State(0).With(drawIndex).With(uint64(k / size)).With(uint64(k % size))
		b.indices[k] = uint16(at.Below(uint64(size)))
	}
	return b
}

// tail returns the rank of the bounds among the sorted means of resamples. Percentile intervals of
// small samples are too narrow, because a resample varies less than a sample by the factor
// (size-1)/size, and normal quantiles stand for those of the t-distribution. The expanded
// percentile interval takes percentiles further out that correct both (Hesterberg, The American
// Statistician 69, 2015, section 5.4).
func tail(size float64) int {
	if size < 2 {
		return 0
	}
	t := distuv.StudentsT{Sigma: 1, Nu: size - 1}.Quantile((1 - Level) / 2)
	share := distuv.UnitNormal.CDF(t * math.Sqrt(size/(size-1)))
	return max(0, int(share*resamples+0.5)-1)
}

// Interval returns the mean of the values with its interval: the expanded percentile interval of a
// bootstrap. It panics if their number is not that of the bootstrap.
func (b Bootstrap) Interval(values []float64) Interval {
	if len(values) != b.size {
		panic("intervals: another number of values than the bootstrap is for")
	}
	mean := Mean(values)
	if math.IsNaN(mean) {
		return Interval{mean, mean, mean}
	}
	if len(values) < leastValues {
		return Interval{mean, math.Inf(-1), math.Inf(1)}
	}
	ends := newEnds(b.tail + 1)
	for k := 0; k < len(b.indices); k += b.size {
		sum := 0.0
		for _, i := range b.indices[k : k+b.size] {
			sum += values[i] - mean
		}
		ends.add(sum / float64(b.size))
	}
	return Interval{mean, mean + ends.low(), mean + ends.high()}
}

// Mean returns the mean, NaN of no values.
func Mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// P returns the two-sided p-value of the hypothesis that the values are draws from a distribution
// with mean 0, by Student's t-test. For differences of pairs it is the paired t-test. It is 1 if
// there are fewer than two values or all are 0, and 0 if all are the same and not 0. It is NaN if a
// value is.
func P(values []float64) float64 {
	n, mean := float64(len(values)), Mean(values)
	if n < 2 {
		return 1
	}
	squares := 0.0
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	switch spread := math.Sqrt(squares / (n - 1) / n); {
	case math.IsNaN(mean):
		return math.NaN()
	case mean == 0:
		return 1
	case spread == 0:
		return 0
	default:
		return 2 * distuv.StudentsT{Sigma: 1, Nu: n - 1}.CDF(-math.Abs(mean)/spread)
	}
}

// Differences returns a[i] - b[i]. It panics if b is shorter.
func Differences(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return d
}
