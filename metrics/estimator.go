package metrics

import (
	"errors"
	"fmt"
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

// Estimators returns one estimator of each kind, each from a file of its own. The trimmed mean has
// k = f.
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
	if e, ok := parseTrimmed(name); ok {
		return e, nil
	}
	return nil, fmt.Errorf("%w %q: expected %s, with k from 1 to %d", ErrEstimator, name, EstimatorNames(), maxTrim)
}

// EstimatorNames returns the names that [ParseEstimator] accepts, as an enumeration for help texts
// and errors: "mean, median, … or wmedian".
func EstimatorNames() string {
	var names []string
	for _, e := range Estimators() {
		names = append(names, e.Name())
	}
	return strings.Join(append(names, "trimmed(k)"), ", ") + " or " + WeightedByHistory().Name()
}

// Bounded reports whether e always yields a value between the (f+1)-th smallest and the (f+1)-th
// largest of a column with at least [Coverage] values, and so between two honest ones if at most f
// are lies.
func Bounded(e Estimator, f int) bool {
	if e, ok := e.(limited); ok {
		return e.bounded(f)
	}
	return true
}

// limited is implemented by estimators that are not bounded for every f.
type limited interface {
	bounded(f int) bool
}
