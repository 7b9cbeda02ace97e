package check

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Checks of the reports in the block. Messages that do not count are ignored by the rule, so they
// are warnings: nobody pays for them.

func signatures(e *epoch) Finding {
	for _, r := range e.reports {
		if !e.messages.Signed(r.message) {
			return fail("the message of %s is not signed by it", e.config.name(r.message.Sender()))
		}
	}
	return pass("%d of %d messages signed by their senders", len(e.reports), len(e.reports))
}

func network(e *epoch) Finding {
	for _, r := range e.reports {
		if r.message.Network() != e.d.Network {
			return fail("the message of %s is for network %q, the epoch's is %q", e.config.name(r.message.Sender()), r.message.Network(), e.d.Network)
		}
	}
	return pass("%d of %d for network %s", len(e.reports), len(e.reports), e.d.Network)
}

// ignored names the senders of the reports for which does not hold.
func (e *epoch) ignored(holds func(report) bool) []keys.Public {
	var senders []keys.Public
	for _, r := range e.reports {
		if key := r.message.Sender(); !holds(r) && !slices.Contains(senders, key) {
			senders = append(senders, key)
		}
	}
	return senders
}

// only warns of the reports for which something does not hold.
func (e *epoch) only(what string, holds func(report) bool) Finding {
	if senders := e.ignored(holds); len(senders) > 0 {
		return warn("not %s: %s; not counted", what, e.names(senders))
	}
	return Finding{}
}

func epochOfReports(e *epoch) Finding {
	return unless(
		e.only("about this epoch", func(r report) bool { return r.err != nil || r.Description == e.hash }),
		pass("%d of %d name description %s of epoch %d", len(e.reports), len(e.reports), e.hash.Short(), e.d.Epoch),
	)
}

// window compares when reports were signed with the window that they are about. Reporters sign by
// their own clocks, which may be slow: by a tenth of the window, but by no more than a minute.
func window(e *epoch) Finding {
	end := int64(e.d.End)
	slow := min(e.d.End.Sub(e.d.Start)/10, time.Minute).Milliseconds()
	if early := e.ignored(func(r report) bool { return r.message.Time() >= end-slow }); len(early) > 0 {
		return warn("before the window's end, by their own clocks: %s", e.names(early))
	}
	if len(e.reports) == 0 {
		return pass("no report")
	}
	first := slices.MinFunc(e.reports, compareTimes).message.Time()
	last := slices.MaxFunc(e.reports, compareTimes).message.Time()
	return pass("signed %d to %d ms after the window's end", first-end, last-end)
}

func compareTimes(a, b report) int { return cmp.Compare(a.message.Time(), b.message.Time()) }

func members(e *epoch) Finding {
	return unless(
		e.only("members", func(r report) bool { return e.d.Group.Contains(r.message.Sender()) }),
		pass("%d of %d sent by members", len(e.reports), len(e.reports)),
	)
}

func valueRange(e *epoch) Finding {
	values, missing := 0, 0
	for _, row := range e.matrix.Rows {
		for _, v := range row.Values {
			values++
			if v == metrics.Missing {
				missing++
			}
		}
	}
	return unless(
		e.only("within 0 to 100 %", func(r report) bool { return !errors.Is(r.err, metrics.ErrUptime) }),
		pass("%s of 0 to 100 %%, %d missing", count(values-missing, "value"), missing),
	)
}

func order(e *epoch) Finding {
	return unless(
		e.only("reports", func(r report) bool { return r.err == nil || errors.Is(r.err, metrics.ErrUptime) }),
		e.only("about exactly the epoch's mixnodes", func(r report) bool {
			return r.err != nil || r.Description != e.hash || !e.d.Group.Contains(r.Key) || e.rule.Counts(r.Reading)
		}),
		pass("%d of %d list the %s in order", len(e.reports), len(e.reports), count(len(e.d.Mixnodes), "mixnode")),
	)
}

// oneEach looks for a second report of a member. The first one in the block counts.
func oneEach(e *epoch) Finding {
	first := map[keys.Public]block.MessageID{}
	var double []keys.Public
	for _, r := range e.reports {
		if r.err != nil || !e.rule.Counts(r.Reading) {
			continue
		}
		if before, known := first[r.Key]; !known {
			first[r.Key] = r.message.ID()
		} else if before != r.message.ID() && !slices.Contains(double, r.Key) {
			double = append(double, r.Key)
		}
	}
	if len(double) > 0 {
		return warn("two reports of %s in the block, of which the first counts", e.names(double))
	}
	return pass("%s of %s", count(len(first), "report"), count(len(first), "member"))
}

func enoughReports(e *epoch) Finding {
	n, counted := e.d.Group.N(), e.counted(func(report) bool { return true })
	value := "%d of %d members reported, %d needed"
	if counted < quorum.Correct(n) {
		return fail(value, counted, n, quorum.Correct(n))
	}
	return pass(value, counted, n, quorum.Correct(n))
}

// counted returns how many members have a report that counts and for which something holds.
func (e *epoch) counted(holds func(report) bool) int {
	counted := map[keys.Public]bool{}
	for _, r := range e.reports {
		if r.err == nil && e.rule.Counts(r.Reading) && holds(r) {
			counted[r.Key] = true
		}
	}
	return len(counted)
}

// fresh reports whether a reward was measured in the epoch.
func fresh(r contract.Reward) bool { return r.Value != metrics.Missing && r.CarriedFrom == 0 }
