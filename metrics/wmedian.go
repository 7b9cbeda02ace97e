package metrics

import (
	"cmp"
	"slices"
)

// WeightedUptime is one value of a column with the weight of its reporter.
type WeightedUptime struct {
	Value  Uptime // not Missing
	Weight int64  // 1..MaxWeight
}

// wmedian is the median in which reporters that were far from the others in earlier epochs count
// less: see [History]. While all weigh the same it is the median.
type wmedian struct{}

// WeightedByHistory returns the estimator wmedian. It is not among [Estimators], because it needs
// more than a column: use it in a [Rule] with a history.
func WeightedByHistory() Estimator { return wmedian{} }

func (wmedian) Name() string    { return "wmedian" }
func (wmedian) Version() uint16 { return 1 }

// Estimate returns the uptime of reporters that all weigh the same.
func (wmedian) Estimate(sorted []Uptime, _ int) Uptime { return Median(sorted) }

// estimate sorts column in place.
func (wmedian) estimate(column []WeightedUptime, f int) Uptime {
	slices.SortFunc(column, func(a, b WeightedUptime) int { return cmp.Compare(a.Value, b.Value) })
	return weightedMedian(column, f)
}

// WeightedMedian returns the weighted median of a column of which up to f values may be lies. First
// [CapWeights] cuts the weights, so that f reporters hold less than half of their sum. Then the
// values lie next to each other, ascending, each as long as its weight. The result is the mean of
// the piece around the middle that is as long as the average weight, rounded half up. So it lies
// between the (f+1)-th smallest and the (f+1)-th largest value, and with equal weights it is the
// median. With 2f values or fewer, which cannot be capped, it is the median, too, and Missing
// without values. It does not modify column.
func WeightedMedian(column []WeightedUptime, f int) Uptime {
	return wmedian{}.estimate(slices.Clone(column), f)
}

func weightedMedian(sorted []WeightedUptime, f int) Uptime {
	var values [64]Uptime
	var raw [64]int64
	column, weights := values[:0], raw[:0] // on the stack, large enough for most columns
	for _, w := range sorted {
		column, weights = append(column, w.Value), append(weights, w.Weight)
	}
	if !capWeights(weights, f) {
		return Median(column)
	}
	var sum int64
	for _, w := range weights {
		sum += w
	}
	// In units of 1/(2m) of a weight: the piece reaches from (m-1)·sum to (m+1)·sum.
	m := int64(len(column))
	var total, begin int64
	for i, v := range column {
		end := begin + 2*m*weights[i]
		total += int64(v) * max(0, min(end, (m+1)*sum)-max(begin, (m-1)*sum))
		begin = end
	}
	return Uptime(divideHalfUp(total, 2*sum))
}

// CapWeights returns the weights, cut to the greatest c so that no f+1 of 2f+1 equal shares are
// exceeded: (2f+1)·c is at most the sum of what remains. It returns nil for fewer than 2f+1
// weights, for which there is no such c. It does not modify the weights, whose order makes no
// difference.
func CapWeights(weights []int64, f int) []int64 {
	capped := slices.Clone(weights)
	if !capWeights(capped, f) {
		return nil
	}
	return capped
}

// capWeights cuts the weights in place. It returns false if there are too few.
func capWeights(weights []int64, f int) bool {
	k := int64(Coverage(f))
	if int64(len(weights)) < k {
		return false
	}
	var sum, most int64
	for _, w := range weights {
		sum, most = sum+w, max(most, w)
	}
	if k*most <= sum {
		return true
	}
	// Whether c is allowed is monotonic: the sum of min(w, c) less k·c is concave in c, 0 for c = 0
	// and not negative for c = 1.
	low, high := int64(1), most
	for low < high {
		c := (low + high + 1) / 2
		var kept int64
		for _, w := range weights {
			kept += min(w, c)
		}
		if k*c <= kept {
			low = c
		} else {
			high = c - 1
		}
	}
	for i, w := range weights {
		weights[i] = min(w, low)
	}
	return true
}
