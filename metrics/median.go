package metrics

// median is the middle value, or the mean of the middle two.
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
