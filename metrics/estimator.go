package metrics

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ErrEstimator reports the name of an unknown estimator.
var ErrEstimator = errors.New("unknown estimator")

// Estimator is a rule that turns a column, the values that several Nym-APIs report about one
// mixnode, into one uptime. Its result depends only on the arguments. Implementations are safe for
// concurrent use.
type Estimator interface {
	// Name returns the name that [ParseEstimator] accepts.
	Name() string
	// Version returns the version of the rule. It changes when the rule yields another value for any
	// column, so that the same name and version mean the same rule on every machine.
	Version() uint16
	// Estimate returns the uptime of a column of ascending values, none of them [Missing], of which up
	// to f >= 0 may be lies. It does not modify the slice, and returns Missing if it is empty.
	Estimate(sorted []Uptime, f int) Uptime
}

// maxTrim bounds the k of trimmed(k).
const maxTrim = 1000

// Estimators returns one estimator of each kind. The trimmed mean has k = f.
//
//	mean        the mean, which a single lie can shift; the rule of the original prototype
//	median      the middle value, or the mean of the middle two; the default
//	lowmedian   the middle value, or the smaller of the middle two
//	trimmed     the mean without the f smallest and the f largest values
//	mad         the mean without outliers, see below
//
// If at most f values are lies and a column has at least 2f+1 values, the result of all estimators
// but the mean lies between two honest values.
//
// mad rejects values whose distance from the median exceeds 3 x max(1.4826 x MAD, 2 points). MAD is
// the median of all distances from the median, and the factor 1.4826 makes it estimate the standard
// deviation of normally distributed values (Hampel, JASA 69, 1974). The mean of the remaining
// values is clamped between the (f+1)-th smallest and the (f+1)-th largest value.
func Estimators() []Estimator {
	return []Estimator{mean{}, median{}, lowMedian{}, trimmed{}, mad{}}
}

// ParseEstimator returns the estimator with that name: one of [Estimators], "wmedian" (see
// [WeightedByHistory]), or "trimmed(k)" for 1 <= k <= 1000, which drops k values at each end
// independently of f (so its result is certain to lie between honest values only for k >= f). The
// error wraps [ErrEstimator] and lists the names.
func ParseEstimator(name string) (Estimator, error) {
	for _, e := range append(Estimators(), WeightedByHistory()) {
		if e.Name() == name {
			return e, nil
		}
	}
	if k, ok := strings.CutPrefix(name, "trimmed("); ok {
		n, err := strconv.Atoi(strings.TrimSuffix(k, ")"))
		if e := (trimmed{k: n}); err == nil && n >= 1 && n <= maxTrim && e.Name() == name {
			return e, nil
		}
	}
	return nil, fmt.Errorf("%w %q: expected mean, median, lowmedian, trimmed, trimmed(k) with k from 1 to %d, mad, or wmedian",
		ErrEstimator, name, maxTrim)
}

// Coverage returns the number of values that a column needs for a new uptime if f reporters may
// lie: 2f+1, so that honest values outnumber lies. It clamps f to 0..[MaxRows].
func Coverage(f int) int { return 2*max(0, min(f, MaxRows)) + 1 }

// Bounded reports whether e always yields a value between the (f+1)-th smallest and the (f+1)-th
// largest of a column with at least [Coverage] values, and so between two honest ones if at most f
// are lies.
func Bounded(e Estimator, f int) bool {
	switch e := e.(type) {
	case mean:
		return f <= 0
	case trimmed:
		return e.k == 0 || e.k >= f
	}
	return true
}

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

type mean struct{}

func (mean) Name() string    { return "mean" }
func (mean) Version() uint16 { return 1 }

func (mean) Estimate(sorted []Uptime, _ int) Uptime {
	if len(sorted) == 0 {
		return Missing
	}
	var sum int64
	for _, v := range sorted {
		sum += int64(v)
	}
	return Uptime(divideHalfUp(sum, int64(len(sorted))))
}

type median struct{}

func (median) Name() string    { return "median" }
func (median) Version() uint16 { return 1 }

func (median) Estimate(sorted []Uptime, _ int) Uptime { return Median(sorted) }

// Median returns the median of ascending values, none of them [Missing]: the middle one, or the
// mean of the middle two, rounded half up. The median of no values is Missing.
func Median(sorted []Uptime) Uptime {
	if len(sorted) == 0 {
		return Missing
	}
	return Uptime(divideHalfUp(twiceMiddle(sorted), 2))
}

// twiceMiddle returns twice the median of at least one ascending value, which is always whole:
// twice the middle one, or the sum of the middle two.
func twiceMiddle[T ~int32 | ~int64](sorted []T) int64 {
	n := len(sorted)
	return int64(sorted[(n-1)/2]) + int64(sorted[n/2])
}

type lowMedian struct{}

func (lowMedian) Name() string    { return "lowmedian" }
func (lowMedian) Version() uint16 { return 1 }

func (lowMedian) Estimate(sorted []Uptime, _ int) Uptime {
	if len(sorted) == 0 {
		return Missing
	}
	return sorted[(len(sorted)-1)/2]
}

// trimmed drops k values at each end, or f values if k is 0. With 2k values or fewer it is the
// median.
type trimmed struct{ k int }

func (t trimmed) Name() string {
	if t.k == 0 {
		return "trimmed"
	}
	return "trimmed(" + strconv.Itoa(t.k) + ")"
}

func (trimmed) Version() uint16 { return 1 }

func (t trimmed) Estimate(sorted []Uptime, f int) Uptime {
	k := t.k
	if k == 0 {
		k = f
	}
	if k > (len(sorted)-1)/2 {
		return Median(sorted)
	}
	return mean{}.Estimate(sorted[k:len(sorted)-k], f)
}

// mad computes with exact fractions: medians are kept doubled, 1.4826 is 14826/10000, and only the
// mean at the end is rounded. With 2f values or fewer, which cannot be clamped, it is the median.
type mad struct{}

const (
	madScale   = 14826 // ten-thousandths
	madUnit    = 10000
	madFactor  = 3
	madAtLeast = 2 * int64(PerPoint) // smallest spread to assume, in hundredths
)

func (mad) Name() string    { return "mad" }
func (mad) Version() uint16 { return 1 }

func (mad) Estimate(sorted []Uptime, f int) Uptime {
	n := len(sorted)
	if n == 0 || f > (n-1)/2 {
		return Median(sorted)
	}
	middle := twiceMiddle(sorted)
	var buffer [128]int64 // on the stack, large enough for most columns
	distances := buffer[:0]
	for _, v := range sorted {
		distances = append(distances, twiceDistance(v, middle))
	}
	slices.Sort(distances)
	spread := twiceMiddle(distances) // four times the MAD

	// distance > 3 max(1.4826 MAD, 2 points), both sides multiplied by 4 x 10000.
	bound := madFactor * max(madScale*spread, 4*madUnit*madAtLeast)
	var sum, count int64
	for _, v := range sorted {
		if 2*madUnit*twiceDistance(v, middle) <= bound {
			sum += int64(v)
			count++
		}
	}
	// At least half of the values are within one MAD of the median, so count > 0.
	kept := Uptime(divideHalfUp(sum, count))
	return max(sorted[f], min(kept, sorted[n-1-f]))
}

// twiceDistance returns twice the distance of v from the median. It takes the doubled median that
// twiceMiddle returns.
func twiceDistance(v Uptime, middle int64) int64 {
	return max(2*int64(v)-middle, middle-2*int64(v))
}
