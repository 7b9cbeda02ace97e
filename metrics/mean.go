package metrics

// mean weighs all values alike. A single lie can shift it, so it is bounded only if nobody lies.
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

func (mean) bounded(f int) bool { return f <= 0 }
