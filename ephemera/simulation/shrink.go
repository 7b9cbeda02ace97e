package simulation

import "slices"

// maxShrinks bounds the runs that shrinking a schedule takes.
const maxShrinks = 400

// shrink removes from a failing schedule whatever can go while the same promise is still broken:
// faults, adversaries, submissions, then the network's irregularities. It returns the smallest
// failing schedule that it found, and how many runs that took.
func shrink(schedule Schedule, promise string, options func(Schedule) Options) (Schedule, int) {
	tries := 0
	fails := func(candidate Schedule) bool {
		if tries++; tries > maxShrinks {
			return false
		}
		result, err := Run(candidate, options(candidate))
		return err == nil && len(result.Violations) > 0 && result.Violations[0].Promise == promise
	}
	for {
		before := schedule.String()
		schedule.Faults = shrinkList(schedule, schedule.Faults, func(s *Schedule, l []Fault) { s.Faults = l }, fails)
		schedule.Byzantine = shrinkList(schedule, schedule.Byzantine, func(s *Schedule, l []Placement) { s.Byzantine = l }, fails)
		schedule.Submissions = shrinkList(schedule, schedule.Submissions, func(s *Schedule, l []Submission) { s.Submissions = l }, fails)
		for _, simpler := range simplifications {
			candidate := schedule
			simpler(&candidate)
			if candidate.String() != schedule.String() && fails(candidate) {
				schedule = candidate
			}
		}
		if schedule.String() == before || tries > maxShrinks {
			return schedule, min(tries, maxShrinks)
		}
	}
}

// shrinkList removes halves, then quarters, and finally single elements.
func shrinkList[T any](schedule Schedule, list []T, set func(*Schedule, []T), fails func(Schedule) bool) []T {
	for size := max(len(list)/2, 1); ; size /= 2 {
		for start := 0; start < len(list); {
			shorter := slices.Concat(list[:start], list[min(start+size, len(list)):])
			candidate := schedule
			set(&candidate, shorter)
			if fails(candidate) {
				list = shorter
			} else {
				start += size
			}
		}
		if size <= 1 {
			return list
		}
	}
}

// simplifications each remove one irregularity.
var simplifications = []func(*Schedule){
	func(s *Schedule) { s.Real = false },
	func(s *Schedule) { s.Loss = 0 },
	func(s *Schedule) { s.Duplicate = 0 },
	func(s *Schedule) { s.Drift, s.Offset = 0, 0 },
	func(s *Schedule) { s.Latency = Constant },
	func(s *Schedule) { s.AppFails = 0 },
	func(s *Schedule) { s.Later = 0 },
	func(s *Schedule) { s.Skips = nil },
	func(s *Schedule) { s.AppDelay = 0 },
	func(s *Schedule) { s.Connect = false },
	func(s *Schedule) { s.NoGossip = false },
	func(s *Schedule) { s.All = false },
	func(s *Schedule) { s.Linger = 0 },
	func(s *Schedule) { s.Batch, s.Linger = false, 0 },
	func(s *Schedule) { s.Idle = false },
	func(s *Schedule) { s.LinkRate = 0 },
	func(s *Schedule) { s.Costs = Costs{} },
}
