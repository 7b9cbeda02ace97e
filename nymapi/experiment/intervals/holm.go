package intervals

import (
	"cmp"
	"math"
	"slices"
)

// Holm returns p-values adjusted for their number (Holm, Scandinavian Journal of Statistics 6,
// 1979): if all of those below 0.05 are called differences, the probability that any of them is
// none is at most 0.05, however they depend on each other. NaN is not counted and remains NaN.
func Holm(p []float64) []float64 {
	adjusted := slices.Clone(p)
	var order []int
	for i := range p {
		if !math.IsNaN(p[i]) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, p[i]*float64(len(order)-rank)))
		adjusted[i] = least
	}
	return adjusted
}
