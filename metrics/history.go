package metrics

import (
	"maps"
	"slices"
)

// History is what earlier epochs say about reporters: for each the running mean of the squared
// deviations of its values from the medians of their columns, in squared hundredths of a percent, 0
// to MaxDeviation. Reporters never leave it. A nil History knows nobody. Its methods do not modify
// it.
type History map[string]int64

const (
	// MaxDeviation is the largest value in a [History]: deviations above 50 points count as 50.
	MaxDeviation = int64(maxDistance) * int64(maxDistance)
	// MaxWeight is the largest raw weight, that of a reporter within a point of the median.
	MaxWeight = weightUnit / leastSpread

	maxDistance  = 50 * PerPoint
	leastSpread  = int64(PerPoint) * int64(PerPoint) // what a reporter without history and example has
	weightUnit   = 1_000_000_000_000
	toleranceNum = 9 // reporters within 9/4 of the reference weigh the same
	toleranceDen = 4
	memory       = 10 // an epoch counts for one part in memory
)

// Weights are what the reporters of a matrix weigh, by its rows.
type Weights struct {
	Deviations []int64 // in the history, or for a new reporter what the others have
	Reference  int64   // up to which deviation all weigh the same
	Raw        []int64 // before a column's cap: see [CapWeights]
}

// Weigh returns the weights of the reporters of a matrix if f of them may lie. A reporter that is
// not in the history gets the lower median of those that are.
func (h History) Weigh(m Matrix, f int) Weights {
	w := Weights{Deviations: h.deviations(m.Rows), Raw: make([]int64, len(m.Rows))}
	w.Reference = reference(w.Deviations, f)
	for i, v := range w.Deviations {
		w.Raw[i] = weightUnit / max(v, w.Reference)
	}
	return w
}

func (h History) deviations(rows []Row) []int64 {
	deviations := make([]int64, len(rows))
	var known []int64
	for i, row := range rows {
		v, ok := h[row.Reporter]
		if !ok {
			deviations[i] = -1
			continue
		}
		deviations[i], known = v, append(known, v)
	}
	fresh := leastSpread
	if len(known) > 0 {
		slices.Sort(known)
		fresh = known[(len(known)-1)/2]
	}
	for i := range deviations {
		if deviations[i] < 0 {
			deviations[i] = fresh
		}
	}
	return deviations
}

// reference returns the deviation up to which all reporters weigh the same: 9/4 of a middle one
// that f liars, copies of one honest reporter included, cannot set alone.
func reference(deviations []int64, f int) int64 {
	k := len(deviations)
	if k == 0 {
		return leastSpread
	}
	f = clampFaulty(f)
	sorted := slices.Sorted(slices.Values(deviations))
	return max(leastSpread, toleranceNum*sorted[max((k-1)/2, min(f+1, k-f-1))]/toleranceDen)
}

func clampFaulty(f int) int { return (Coverage(f) - 1) / 2 }

// Fold returns the history after an accepted epoch with this matrix. Deviations are measured from
// the unweighted median of the columns with at least 2f+1 values. A missing value counts as one of
// the reporter's usual deviation, so that nobody heals by reporting one easy mixnode.
func (h History) Fold(m Matrix, f int) History {
	folded := maps.Clone(h)
	if folded == nil {
		folded = History{}
	}
	var columns int64
	squares, counts := make([]int64, len(m.Rows)), make([]int64, len(m.Rows))
	sorted := make([]Uptime, 0, len(m.Rows))
	for j := range m.Mixnodes {
		sorted = sorted[:0]
		for _, row := range m.Rows {
			if v := row.Values[j]; v != Missing {
				sorted = append(sorted, v)
			}
		}
		if len(sorted) < Coverage(f) {
			continue
		}
		slices.Sort(sorted)
		columns++
		middle := Median(sorted)
		for i, row := range m.Rows {
			if v := row.Values[j]; v != Missing {
				distance := int64(min(max(v-middle, middle-v), maxDistance))
				squares[i], counts[i] = squares[i]+distance*distance, counts[i]+1
			}
		}
	}
	for i, v := range h.deviations(m.Rows) {
		if counts[i] > 0 {
			folded[m.Rows[i].Reporter] = divideHalfUp((memory*columns-counts[i])*v+squares[i], memory*columns)
		}
	}
	return folded
}
