package simulate

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// HonestRange checks that a result is in the honest range: every new uptime comes from at least
// 2f+1 values and lies between two honest values of its column, and a column with fewer values has
// no new uptime. The matrix must have at least n-f rows, where n is the size of the group.
// honest[i] says whether row i is from an honest member.
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
			return fmt.Errorf("mixnode %s: from %d values, the reports hold %d", id, result.Reports[j], count)
		case count < quorum.Coverage(n) && got != metrics.Missing:
			return fmt.Errorf("mixnode %s: a new uptime from %d values, expected at least %d", id, count, quorum.Coverage(n))
		case count < quorum.Coverage(n):
		case got < low || got > high:
			return fmt.Errorf("mixnode %s: %s is not between the honest values %s and %s", id, got, low, high)
		}
	}
	return nil
}

// Rewarded checks that every epoch in which at most f of n members were offline or muted was
// rewarded. Offline returns their number in an epoch, from 1.
func Rewarded(outcomes []Outcome, n int, offline func(epoch int) int) error {
	var errs []error
	for i, o := range outcomes {
		if missing := offline(i + 1); missing <= quorum.Faulty(n) && !o.Rewarded {
			errs = append(errs, fmt.Errorf("epoch %d is not rewarded, although only %d of %d members were offline and f = %d", i+1, missing, n, quorum.Faulty(n)))
		}
	}
	return errors.Join(errs...)
}

// rangeInvariant checks HonestRange for everything that the contract accepts, except on drawn days
// with forks: more than f members are Byzantine there.
type rangeInvariant struct{ env *environment }

func (rangeInvariant) Name() string { return "honest range" }

func (i rangeInvariant) Observe(simulation.Event) error { return i.End() }

func (i rangeInvariant) End() error {
	c := &i.env.contract
	err := errors.Join(c.faults...)
	c.faults = nil
	if i.env.forked {
		return nil
	}
	return err
}

// rewardedInvariant checks Rewarded at the end of a run.
type rewardedInvariant struct {
	env     *environment
	stopped func() bool // whether the run was stopped early; then nothing is guaranteed
}

func (rewardedInvariant) Name() string { return "every epoch rewarded" }

func (rewardedInvariant) Observe(simulation.Event) error { return nil }

func (i rewardedInvariant) End() error {
	if i.stopped() {
		return nil
	}
	return Rewarded(i.env.contract.outcomes, i.env.nodes, func(int) int { return len(i.env.byzantine) })
}

// invariants returns the invariants of rewarding, and the timings.
func (e *environment) invariants(stopped func() bool) []simulation.Invariant {
	return []simulation.Invariant{&e.timings, rangeInvariant{e}, rewardedInvariant{e, stopped}}
}
