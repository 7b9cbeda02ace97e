package compare

import (
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// truth returns the true uptime of a mixnode (by index) over an epoch (from 1) in points, and false
// if it is unknown.
type truth func(mixnode, epoch int) (points float64, ok bool)

// payments are the paid uptimes: payments[e-1][i] is that of mixnode i in epoch e, metrics.Missing
// if nothing is paid. A missed epoch is nil.
type payments [][]metrics.Uptime

// score sums up errors, value minus truth in points, over all cells that have both.
type score struct {
	cells        int
	sum, squares float64
	largest      float64
}

func (p payments) score(truth truth) score {
	var s score
	for e, values := range p {
		for i, value := range values {
			points, paid := value.Points()
			if right, known := truth(i, e+1); paid && known {
				s.add(points - right)
			}
		}
	}
	return s
}

func (s *score) add(deviation float64) {
	s.cells++
	s.sum += deviation
	s.squares += deviation * deviation
	s.largest = max(s.largest, math.Abs(deviation))
}

// rmse returns the root of the mean squared error, nil without cells.
func (s score) rmse() *float64 { return s.figure(math.Sqrt(s.squares / float64(s.cells))) }

// bias returns the mean error, nil without cells. It is negative if payments are too low on
// average.
func (s score) bias() *float64 { return s.figure(s.sum / float64(s.cells)) }

// maxError returns the largest distance from the truth, nil without cells.
func (s score) maxError() *float64 { return s.figure(s.largest) }

func (s score) figure(value float64) *float64 {
	if s.cells == 0 {
		return nil
	}
	return &value
}

// spread returns the smallest, the median (or mean of the middle two) and the largest of values,
// nil without values.
func spread(values []float64) (least, median, most *float64) {
	if len(values) == 0 {
		return nil, nil, nil
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	middle := (sorted[(n-1)/2] + sorted[n/2]) / 2
	return &sorted[0], &middle, &sorted[n-1]
}

// percentile returns the value at rank ceil(share*len), the nearest rank, nil without values.
func percentile(values []int64, share float64) *int64 {
	if len(values) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(share * float64(len(sorted))))
	return &sorted[min(max(rank, 1), len(sorted))-1]
}
