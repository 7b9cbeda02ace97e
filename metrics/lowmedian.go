package metrics

// lowMedian is the middle value, or the smaller of the middle two: always one that was reported.
type lowMedian struct{}

func (lowMedian) Name() string    { return "lowmedian" }
func (lowMedian) Version() uint16 { return 1 }

func (lowMedian) Estimate(sorted []Uptime, _ int) Uptime {
	if len(sorted) == 0 {
		return Missing
	}
	return sorted[(len(sorted)-1)/2]
}
