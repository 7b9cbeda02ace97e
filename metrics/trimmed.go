package metrics

import (
	"strconv"
	"strings"
)

// maxTrim bounds the k of trimmed(k).
const maxTrim = 1000

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

func (t trimmed) bounded(f int) bool { return t.k == 0 || t.k >= f }

// parseTrimmed returns the estimator with the name trimmed(k).
func parseTrimmed(name string) (Estimator, bool) {
	k, ok := strings.CutPrefix(name, "trimmed(")
	if !ok {
		return nil, false
	}
	n, err := strconv.Atoi(strings.TrimSuffix(k, ")"))
	e := trimmed{k: n}
	return e, err == nil && n >= 1 && n <= maxTrim && e.Name() == name
}
