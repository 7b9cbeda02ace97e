package simulate

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// HonestRange tells whether a result is one that the honest range allows: every new uptime is made
// of at least 2f+1 values and lies between two honest ones of its column, and a column with fewer
// values has none. honest[i] says whether row i is an honest member's; n is the size of the group,
// of which the matrix holds n-f rows at least.
func HonestRange(m metrics.Matrix, result metrics.Result, honest []bool, n int) error {
	if len(m.Rows) < quorum.Correct(n) {
		return fmt.Errorf("%d reports, expected %d of %d", len(m.Rows), quorum.Correct(n), n)
	}
	for j, id := range m.Mixnodes {
		low, high, count := metrics.Full, metrics.Uptime(0), 0
		for i, row := range m.Rows {
			v := row.Values[j]
			if v == metrics.Missing {
				continue
			}
			count++
			if honest[i] {
				low, high = min(low, v), max(high, v)
			}
		}
		got := result.Values[j]
		switch {
		case int(result.Reports[j]) != count:
			return fmt.Errorf("mixnode %s: made of %d values, the reports hold %d", id, result.Reports[j], count)
		case count < quorum.Coverage(n) && got != metrics.Missing:
			return fmt.Errorf("mixnode %s: a new uptime of %d values, expected none below %d", id, count, quorum.Coverage(n))
		case count < quorum.Coverage(n):
		case got < low || got > high:
			return fmt.Errorf("mixnode %s: %s is not between the honest values %s and %s", id, got, low, high)
		}
	}
	return nil
}

// Rewarded tells whether every epoch with at most f members away or muted was rewarded, of a group
// of n. away says how many there were in an epoch, from 1.
func Rewarded(outcomes []Outcome, n int, away func(epoch int) int) error {
	var errs []error
	for i, o := range outcomes {
		if gone := away(i + 1); gone <= quorum.Faulty(n) && !o.Rewarded {
			errs = append(errs, fmt.Errorf("epoch %d is not rewarded, and %d of %d members were away, at most f = %d may be", i+1, gone, n, quorum.Faulty(n)))
		}
	}
	return errors.Join(errs...)
}

// rangeInvariant is HonestRange over everything that the contract accepts.
type rangeInvariant struct{ env *environment }

func (rangeInvariant) Name() string { return "honest range" }

func (i rangeInvariant) Observe(simulation.Event) error { return i.End() }

func (i rangeInvariant) End() error {
	c := &i.env.contract
	err := errors.Join(c.faults...)
	c.faults = nil
	return err
}

// rewardedInvariant is Rewarded at the end of a run.
type rewardedInvariant struct {
	env     *environment
	stopped func() bool // the run was cut short: nothing is promised
}

func (rewardedInvariant) Name() string { return "every epoch rewarded" }

func (rewardedInvariant) Observe(simulation.Event) error { return nil }

func (i rewardedInvariant) End() error {
	if i.stopped() {
		return nil
	}
	return Rewarded(i.env.contract.outcomes, i.env.nodes, func(int) int { return len(i.env.byzantine) })
}

// invariants are the promises of rewarding, and who takes the time.
func (e *environment) invariants(stopped func() bool) []simulation.Invariant {
	return []simulation.Invariant{&e.timings, rangeInvariant{e}, rewardedInvariant{e, stopped}}
}
