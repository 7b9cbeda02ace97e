package metrics

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ErrEstimator marks the name of an estimator that does not exist.
var ErrEstimator = errors.New("unknown estimator")

// Estimator is a rule that makes one uptime of a column, the values that several Nym-APIs report
// about one mixnode. Implementations are functions of their arguments alone and safe for concurrent
// use.
type Estimator interface {
	// Name is what [ParseEstimator] reads.
	Name() string
	// Version changes when the rule gives another value for any column, so that two machines never
	// mean different rules by one name.
	Version() uint16
	// Estimate returns the uptime of a column: ascending values, none of them [Missing]; f >= 0 of
	// them may be lies. It does not change the slice, and returns Missing when it is empty.
	Estimate(sorted []Uptime, f int) Uptime
}

// maxTrim bounds the k of trimmed(k).
const maxTrim = 1000

// Estimators returns one of each kind, with k = f for the trimmed mean:
//
//	mean        the mean, which one lie can move: the rule of the original prototype
//	median      the middle value, or the mean of the middle two; the default
//	lowmedian   the middle value, or the smaller of the middle two
//	trimmed     the mean without the f smallest and the f largest values
//	mad         the mean without outliers, see below
//
// All but the mean keep every column with at least 2f+1 values between two honest ones, if at most
// f lie.
//
// mad rejects values whose distance from the median exceeds 3 x max(1.4826 x MAD, 2 points), where
// MAD is the median of all distances from the median and 1.4826 makes it estimate the standard
// deviation of normally distributed values (Hampel, JASA 69, 1974). The mean of the rest is clamped
// between the (f+1)-th smallest and the (f+1)-th largest value.
func Estimators() []Estimator {
	return []Estimator{mean{}, median{}, lowMedian{}, trimmed{}, mad{}}
}

// ParseEstimator returns the estimator of that name: one of [Estimators], or "trimmed(k)" for
// 1 <= k <= 1000, which drops k at each end whatever f is (and promises the honest range only for
// k >= f). The error wraps [ErrEstimator] and lists the names.
func ParseEstimator(name string) (Estimator, error) {
	for _, e := range Estimators() {
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
	return nil, fmt.Errorf("%w %q: expected mean, median, lowmedian, trimmed, trimmed(k) with k from 1 to %d, or mad",
		ErrEstimator, name, maxTrim)
}

// Coverage returns how many values a column needs for a new uptime when f reporters may lie: 2f+1,
// so that the honest values among them outnumber the lies. An f outside 0..[MaxRows] counts as the
// nearer end.
func Coverage(f int) int { return 2*max(0, min(f, MaxRows)) + 1 }

// Rule says how a matrix becomes a result.
type Rule struct {
	Estimator Estimator
	F         int // how many reporters may lie; below 0 counts as 0
	Coverage  int // columns with fewer values are Missing in the result; below 1 counts as 1
}

// Apply returns the result of m under e when f reporters may lie: columns with fewer than
// [Coverage] values are [Missing].
func Apply(m Matrix, e Estimator, f int) Result {
	return Rule{Estimator: e, F: f, Coverage: Coverage(f)}.Apply(m)
}

// Apply returns the result of m, a matrix made by [NewMatrix]. It takes the columns in the order of
// their values; the order of rows makes no difference. It runs in O(rows x columns x log rows).
func (r Rule) Apply(m Matrix) Result {
	result := Result{
		Mixnodes: m.Mixnodes,
		Values:   make([]Uptime, len(m.Mixnodes)),
		Reports:  make([]uint16, len(m.Mixnodes)),
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

// Median returns the middle one of ascending values, none of them [Missing], or the mean of the
// middle two, rounded half up. It is Missing for no values.
func Median(sorted []Uptime) Uptime {
	if len(sorted) == 0 {
		return Missing
	}
	return Uptime(divideHalfUp(twiceMiddle(sorted), 2))
}

// twiceMiddle returns twice the median of at least one ascending value: twice the middle one or the
// sum of the middle two, so that it is whole.
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

// trimmed drops k values at each end, or f for k = 0. With 2k values or fewer it is the median.
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

// mad works in exact fractions: medians are kept doubled, 1.4826 is 14826/10000, and nothing is
// rounded before the mean at the end. With 2f values or fewer, where nothing can be clamped, it is
// the median.
type mad struct{}

const (
	madScale   = 14826 // ten-thousandths
	madUnit    = 10000
	madFactor  = 3
	madAtLeast = 2 * int64(PerPoint) // smallest spread that is believed, in hundredths
)

func (mad) Name() string    { return "mad" }
func (mad) Version() uint16 { return 1 }

func (mad) Estimate(sorted []Uptime, f int) Uptime {
	n := len(sorted)
	if n == 0 || f > (n-1)/2 {
		return Median(sorted)
	}
	middle := twiceMiddle(sorted)
	var buffer [128]int64 // on the stack, more than most columns need
	distances := buffer[:0]
	for _, v := range sorted {
		distances = append(distances, twiceDistance(v, middle))
	}
	slices.Sort(distances)
	spread := twiceMiddle(distances) // four times the MAD

	// distance > 3 max(1.4826 MAD, 2 points), both sides times 4 x 10000.
	bound := madFactor * max(madScale*spread, 4*madUnit*madAtLeast)
	var sum, count int64
	for _, v := range sorted {
		if 2*madUnit*twiceDistance(v, middle) <= bound {
			sum += int64(v)
			count++
		}
	}
	// At least half of the values are within the MAD of the median, so count > 0.
	kept := Uptime(divideHalfUp(sum, count))
	return max(sorted[f], min(kept, sorted[n-1-f]))
}

// twiceDistance returns twice the distance of v from the median, which is given doubled as
// twiceMiddle returns it.
func twiceDistance(v Uptime, middle int64) int64 {
	return max(2*int64(v)-middle, middle-2*int64(v))
}
