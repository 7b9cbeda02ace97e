package claims

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
)

// claim is a claim with how it is measured.
type claim struct {
	name, says string
	figures    []figure
}

// figure is one figure about a claim.
type figure struct {
	what    string
	cell    key
	ratio   bool // of wmedian to the median; otherwise the value of wmedian
	measure string
	claimed func(float64) grade
}

// grade is how far a figure is from what is claimed.
type grade int

const (
	asClaimed grade = iota
	weaker          // in the claimed direction, but by less
	otherwise
)

// compare measures a claim.
func (c claim) compare(t table) Claim {
	result := Claim{Name: c.name, Says: c.says, Verdict: Holds}
	grades := map[grade]int{}
	for _, f := range c.figures {
		values := t.of(f.cell, "wmedian", f.measure)
		if f.ratio {
			values = t.ratio(f.cell, f.measure)
		}
		if len(values) == 0 {
			result.Measured, result.Verdict = nil, Unplayed
			return result
		}
		i := t.interval(values)
		result.Measured = append(result.Measured, Measurement{What: f.what, Interval: i})
		grades[f.claimed(i.Mean)]++
	}
	switch {
	case grades[otherwise] == len(c.figures):
		result.Verdict = Fails
	case grades[asClaimed] < len(c.figures):
		result.Verdict = Partly
	}
	return result
}

// Tolerances of what counts as claimed.
const (
	equal = 0.005 // of a ratio that should be 1
	near  = 0.1   // of another ratio
)

// atMost grades a figure that should be at most a bound.
func atMost(bound float64) func(float64) grade {
	return func(x float64) grade {
		if x <= bound {
			return asClaimed
		}
		return otherwise
	}
}

// atLeast grades a figure that should be at least a bound.
func atLeast(bound float64) func(float64) grade {
	return func(x float64) grade {
		if x >= bound {
			return asClaimed
		}
		return otherwise
	}
}

// about grades a ratio that should be a number on one side of 1.
func about(ratio float64) func(float64) grade {
	return func(x float64) grade {
		switch {
		case x >= ratio-near && x <= ratio+near:
			return asClaimed
		case (x < 1) == (ratio < 1):
			return weaker
		}
		return otherwise
	}
}

// harmless grades a ratio that should be at most 1.
var harmless = atMost(1 + equal)

// each returns a figure for each of some groups.
func each(groups []int, of func(n int) figure) []figure {
	var all []figure
	for _, n := range groups {
		f := of(n)
		f.what = fmt.Sprintf("n = %d: %s", n, f.what)
		all = append(all, f)
	}
	return all
}

// groups are the sizes of all cells.
var groups = []int{4, 7, 10}

// rmse returns the figure of the ratio of an error under a lie.
func rmse(lie, measure string, claimed func(float64) grade) func(int) figure {
	return func(n int) figure {
		return figure{what: "ratio of errors, " + lie, cell: cell(n, lie), ratio: true, measure: measure, claimed: claimed}
	}
}

func list() []claim {
	return append(inTheTable(), below()...)
}

// inTheTable are the claims of the table that compares wmedian with its first version.
func inTheTable() []claim {
	var fair []figure
	for _, n := range groups {
		share := float64(cell(n, "shave").liars) / float64(n)
		fair = append(fair, figure{
			what: fmt.Sprintf("n = %d: weight of the liars, claimed %.0f %%", n, 100*share), cell: cell(n, "shave"), measure: "liar_weight", claimed: atMost(share + equal),
		})
	}
	return []claim{
		{name: "honest", says: "While nobody lies, it is the median.", figures: each(groups, rmse(experiment.Honest, "rmse", harmless))},
		{
			name: "shave", says: "Liars who report the second smallest honest value do as much harm as to the median, and weigh no more than the others.",
			figures: append(each(groups, rmse("shave", "rmse", harmless)), fair...),
		},
		{
			name: "sleeper", says: "Liars who report the median for 15 epochs and then 0 gain nothing in their first epochs over what they gain under the median.",
			figures: each(groups, rmse("sleeper", "first_rmse", harmless)),
		},
		{
			name: "two", says: "Zeros for 2 of 120 mixnodes hurt these a little less than under the median (by 1 %).",
			figures: each([]int{7, 10}, rmse("mimic-2", "targets_rmse", harmless)),
		},
		{
			name: "framing", says: "Pushing the median away from f honest Nym-APIs does no more harm than to the median, and these keep their weight.",
			figures: append(append(each(groups, rmse("push", "rmse", harmless)), each(groups, rmse("framer", "rmse", harmless))...),
				each(groups, func(n int) figure {
					return figure{what: "weight of the framed, push; 1: full", cell: cell(n, "push"), measure: "poorest_weight", claimed: atLeast(0.95)}
				})...),
		},
		{
			name: "some", says: "Zeros for 6 or 12 of 120 mixnodes hurt these a third less than under the median (n = 7: ratios 0.68 and 0.67).",
			figures: append(each([]int{7}, rmse("mimic-6", "targets_rmse", about(3.06/4.53))), each([]int{7}, rmse("mimic-12", "targets_rmse", about(2.56/3.83)))...),
		},
		{
			name: "all", says: "Lies about all mixnodes hurt less than under the median (n = 7: ratios 0.77 for zeros, 0.74 for hundreds, 0.86 for 12 points less).",
			figures: append(append(each([]int{7}, rmse("zero", "rmse", about(3.04/3.95))), each([]int{7}, rmse("hundred", "rmse", about(2.90/3.90)))...),
				each([]int{7}, rmse("understate", "rmse", about(2.71/3.16)))...),
		},
		{
			name: "gaps", says: "So do zeros where a quarter of the values is missing (ratios 0.89 for n = 7 and 0.83 for n = 10).",
			figures: []figure{withGaps(7, 4.29/4.83), withGaps(10, 4.15/5.01)},
		},
	}
}

func withGaps(n int, claimed float64) figure {
	k := cell(n, "zero")
	k.missing = 0.25
	return figure{what: fmt.Sprintf("n = %d: ratio of errors, zero with gaps", n), cell: k, ratio: true, measure: "rmse", claimed: about(claimed)}
}

// below are the claims about what it does not do.
func below() []claim {
	keeps := func(lie string, claimed func(float64) grade) func(int) figure {
		return func(n int) figure {
			return figure{what: "liars that never stand out, " + lie, cell: cell(n, lie), measure: "never_caught", claimed: claimed}
		}
	}
	honest := func(what, factor, level, measure string, claimed func(float64) grade) figure {
		return figure{what: "n = 10: " + what, cell: cell(10, experiment.Honest).with(factor, level), measure: measure, claimed: claimed}
	}
	return []claim{
		{
			name: "mimic", says: "Liars who mimic the median can report 0 for 1.5 to 2 % of the mixnodes for good, and no more: with 2 of 120 they keep their weight, and with 4 they stand out.",
			figures: append(each([]int{7, 10}, func(n int) figure {
				k := cell(n, "mimic-2")
				share := float64(k.liars) / float64(n)
				return figure{what: fmt.Sprintf("liars' weight, mimic-2, of %.0f %%", 100*share), cell: k, measure: "liar_weight", claimed: atLeast(0.9 * share)}
			}), each([]int{7, 10}, keeps("mimic-4", atMost(0.1)))...),
		},
		{
			name: "width", says: "They can take off about as much as the noise of honest reports for good, and no more: at 1.4 times the noise they never stand out, and at 1.6 times they do.",
			figures: append(each([]int{7, 10}, keeps("width-1.4", atLeast(0.9))), each([]int{7, 10}, keeps("width-1.6", atMost(0.1)))...),
		},
		{
			name: "noise", says: "An honest Nym-API with up to 1.5 times the noise of others loses nothing.",
			figures: []figure{honest("its weight; 1: full", "noise", "1.5", "poorest_weight", atLeast(0.99))},
		},
		{
			name: "broken", says: "An honest Nym-API with many broken paths loses weight.",
			figures: []figure{
				honest("its weight with 2 % of the paths broken", "broken", "0.02", "poorest_weight", atMost(0.9)),
				honest("with 5 %", "broken", "0.05", "poorest_weight", atMost(0.9)),
				honest("with 20 %", "broken", "0.2", "poorest_weight", atMost(0.9)),
			},
		},
		{
			name: "bias", says: "If two honest Nym-APIs share a bias, liars who join them do a little more harm than to the median (ratios 1.03 for n = 4 and 1.02 for n = 7, and 1.16 for n = 4 with mixnodes that never change).",
			figures: []figure{
				joined(4, "bias", "-5", 1.03), joined(7, "bias", "-5", 1.02), joined(4, "bias", "-12", 1.03), joined(7, "bias", "-12", 1.02),
				joined(4, "steady", "-5", 1.16), joined(4, "steady", "-12", 1.16),
			},
		},
		{
			name: "above", says: "More than f liars can take any mixnode: f+1 who repeat one Nym-API for 22 epochs and then report 0 do 6 times the harm that they do to the median (n = 7).",
			figures: []figure{above(7), above(10)},
		},
		{
			name: "copies", says: "Liars who repeat one honest Nym-API do not make it the measure of the others.",
			figures: append(each(groups, rmse("copier", "rmse", harmless)), each(groups, func(n int) figure {
				return figure{what: "honest reports that stand out, copier", cell: cell(n, "copier"), measure: "false_alarms", claimed: atMost(0.01)}
			})...),
		},
		{
			name: "victims", says: "The authors do not say that liars about a tenth of the mixnodes, who report what they measure for the others, take these values with them. Then wmedian should not be worse than the median.",
			figures: each(groups, rmse("victims", "rmse", harmless)),
		},
		{
			name: "columns", says: "With few mixnodes the history is noisy.",
			figures: []figure{
				honest("honest reports that stand out, 5 mixnodes", "mixnodes", "5", "false_alarms", atLeast(0.001)),
				honest("with 60 mixnodes", "mixnodes", "60", "false_alarms", atMost(0.001)),
			},
		},
	}
}

func joined(n int, factor, bias string, claimed float64) figure {
	return figure{
		what: fmt.Sprintf("n = %d: ratio of errors, %s %s points", n, factor, bias), cell: cell(n, "joiner").with(factor, bias), ratio: true, measure: "rmse",
		claimed: atMost(claimed + 0.02),
	}
}

func above(n int) figure {
	k := cell(n, "turncoat").with("colluders", "f+1")
	k.liars++
	return figure{what: fmt.Sprintf("n = %d: ratio of errors in the attack, f+1", n), cell: k, ratio: true, measure: "first_rmse", claimed: atLeast(6)}
}
