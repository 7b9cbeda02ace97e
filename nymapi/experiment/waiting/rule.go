package waiting

import (
	"fmt"
	"slices"
)

// Rule says for how long a member waits.
type Rule struct {
	Name  string // in tables, without spaces
	About string // what a member does, as a part of a sentence
	wait  func(view) Ticks
	// commits: members first commit themselves to their reports, and open them when the commitments
	// are certified. all: an epoch is missed if somebody does not.
	commits, all bool
}

// view is what a member knows when it decides.
type view struct {
	n, f    int
	arrived []Ticks // by member, when its report is here
	silent  []int   // by member, in how many of the last decided epochs its report was in no block
}

// Rules returns the rules that are compared: first that of Nym-APIs.
func Rules() []Rule {
	rules := []Rule{until(Quarter)}
	rules[0].About += ", as Nym-APIs do"
	for _, deadline := range []Ticks{0, Whole / 50, Whole / 20, Whole / 10, Whole / 2} {
		rules = append(rules, until(deadline))
	}
	for _, times := range []Ticks{3, 10} {
		rules = append(rules, Rule{
			Name: fmt.Sprintf("times-%d", times), About: fmt.Sprintf("waits for all, at most %d times as long as n-f took", times),
			wait: func(v view) Ticks { return v.between(v.all(), times*v.enough()) },
		})
	}
	for _, epochs := range []int{1, 3, 10} {
		rules = append(rules, Rule{
			Name: fmt.Sprintf("heard-%d", epochs), About: fmt.Sprintf("waits for those who reported in the last %d epochs", epochs),
			wait: func(v view) Ticks { return v.between(v.heard(epochs), Quarter) },
		})
	}
	return append(rules,
		Rule{
			Name: "heard-3-times-10", About: "waits for those who reported in the last 3 epochs, at most 10 times as long as n-f took",
			wait: func(v view) Ticks { return v.between(v.heard(3), 10*v.enough()) },
		},
		Rule{
			Name: "heard-3-until-0.05", About: "waits for those who reported in the last 3 epochs until 5 % of an epoch have passed",
			wait: func(v view) Ticks { return v.between(v.heard(3), Whole/20) },
		},
		Rule{Name: "commit-reveal", About: "commits, then opens; n-f opened reports are enough", wait: until(Quarter).wait, commits: true},
		Rule{Name: "commit-reveal-all", About: "commits, then opens; an epoch is missed if one is not opened", wait: until(Quarter).wait, commits: true, all: true},
	)
}

// until waits for all until a deadline.
func until(deadline Ticks) Rule {
	return Rule{
		Name:  fmt.Sprintf("until-%g", float64(deadline)/float64(Whole)),
		About: fmt.Sprintf("waits for all until %g %% of an epoch have passed", 100*float64(deadline)/float64(Whole)),
		wait:  func(v view) Ticks { return max(v.enough(), min(v.all(), deadline)) },
	}
}

// least is how long rules wait that multiply a time: seconds of an hour are too few for a retry.
const least = Whole / 100

// between returns the moment at which what a rule waits for is here, at most the given one and a
// quarter of an epoch, and at least that of n-f reports.
func (v view) between(here, most Ticks) Ticks {
	return max(v.enough(), min(here, max(least, most), Quarter))
}

// enough returns when n-f reports are here.
func (v view) enough() Ticks { return slices.Sorted(slices.Values(v.arrived))[v.n-v.f-1] }

// all returns when all reports are here.
func (v view) all() Ticks { return slices.Max(v.arrived) }

// heard returns when the reports of all members are here that were silent for fewer epochs.
func (v view) heard(epochs int) Ticks {
	last := Ticks(0)
	for i, at := range v.arrived {
		if v.silent[i] < epochs {
			last = max(last, at)
		}
	}
	return last
}
