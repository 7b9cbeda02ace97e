package metrics

import "slices"

// Coverage returns the number of values that a column needs for a new uptime if f reporters may
// lie: 2f+1, so that honest values outnumber lies. It clamps f to 0..[MaxRows].
func Coverage(f int) int { return 2*max(0, min(f, MaxRows)) + 1 }

// Rule says how a matrix is turned into a result.
type Rule struct {
	Estimator Estimator
	F         int // number of reporters that may lie; below 0 means 0
	Coverage  int // columns with fewer values are Missing in the result; below 1 means 1
	// History is what earlier epochs say about the reporters. Only [WeightedByHistory] uses it.
	History History
}

// Apply returns the result of m under e if f reporters may lie: columns with fewer than [Coverage]
// values are [Missing].
func Apply(m Matrix, e Estimator, f int) Result {
	return Rule{Estimator: e, F: f, Coverage: Coverage(f)}.Apply(m)
}

// Apply returns the result of m, which must come from [NewMatrix]. The order of the rows makes no
// difference. It runs in O(rows x columns x log rows).
func (r Rule) Apply(m Matrix) Result {
	result := Result{
		Mixnodes: m.Mixnodes,
		Values:   make([]Uptime, len(m.Mixnodes)),
		Reports:  make([]uint16, len(m.Mixnodes)),
	}
	if e, ok := r.Estimator.(wmedian); ok {
		r.applyWeighted(m, e, result)
		return result
	}
	column := make([]Uptime, 0, len(m.Rows))
	for j := range m.Mixnodes {
		column = column[:0]
		for _, row := range m.Rows {
			if v := row.Values[j]; v != Missing {
				column = append(column, v)
			}
		}
		result.Reports[j] = uint16(len(column))
		result.Values[j] = r.estimate(column)
	}
	return result
}

func (r Rule) applyWeighted(m Matrix, e wmedian, result Result) {
	weights := r.History.Weigh(m, r.F).Raw
	column := make([]WeightedUptime, 0, len(m.Rows))
	for j := range m.Mixnodes {
		column = column[:0]
		for i, row := range m.Rows {
			if v := row.Values[j]; v != Missing {
				column = append(column, WeightedUptime{v, weights[i]})
			}
		}
		result.Reports[j], result.Values[j] = uint16(len(column)), Missing
		if len(column) >= max(1, r.Coverage) {
			result.Values[j] = e.estimate(column, r.F)
		}
	}
}

// estimate sorts column in place.
func (r Rule) estimate(column []Uptime) Uptime {
	if len(column) < max(1, r.Coverage) {
		return Missing
	}
	slices.Sort(column)
	return r.Estimator.Estimate(column, max(0, r.F))
}
