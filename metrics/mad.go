package metrics

import "slices"

// mad is the mean without outliers: see [Estimators] for the rule.
//
// It computes with exact fractions: medians are kept doubled, 1.4826 is 14826/10000, and only the
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
