package compare

import (
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// truth returns the true uptime of a mixnode, by index, over an epoch, from 1, in points; false
// when there is none.
type truth func(mixnode, epoch int) (points float64, ok bool)

// payments are the uptimes that mixnodes are paid for: payments[e-1][i] of mixnode i in epoch e,
// metrics.Missing where nothing is paid; nil for a missed epoch.
type payments [][]metrics.Uptime

// score adds up errors, value minus truth in points, over the cells that have both.
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

// rmse returns the root of the mean squared error, nil without cells; bias and maxError likewise.
func (s score) rmse() *float64 { return s.figure(math.Sqrt(s.squares / float64(s.cells))) }

// bias returns the mean error: negative for those who are paid too little on average.
func (s score) bias() *float64 { return s.figure(s.sum / float64(s.cells)) }

// maxError returns the largest distance from the truth.
func (s score) maxError() *float64 { return s.figure(s.largest) }

func (s score) figure(value float64) *float64 {
	if s.cells == 0 {
		return nil
	}
	return &value
}

// spread returns the smallest, the median (mean of the middle two) and the largest of values, nil
// for none.
func spread(values []float64) (least, median, most *float64) {
	if len(values) == 0 {
		return nil, nil, nil
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	middle := (sorted[(n-1)/2] + sorted[n/2]) / 2
	return &sorted[0], &middle, &sorted[n-1]
}

// percentile returns the value at rank ceil(share*len) of values (nearest rank), nil for none.
func percentile(values []int64, share float64) *int64 {
	if len(values) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(share * float64(len(sorted))))
	return &sorted[min(max(rank, 1), len(sorted))-1]
}
