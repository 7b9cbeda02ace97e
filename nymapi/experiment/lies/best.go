package lies

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// best are liars that search for what hurts most in the long run under a rule with a history. They
// know the history, and never deviate so much that they weigh less than others: of all ways to
// choose a value for each mixnode, they take the one that hurts most and whose squared deviations
// still leave theirs below the reference. So they earn trust with the mixnodes for which they
// report the middle, and spend it on the others, a little in every epoch. Missing values cost no
// trust. Under rules without a history they are [myopic].
//
// The search tries the honest values, which suffice to move a median, besides 0, 100 and nothing:
// a [payout.Way.Score] for each. The choice is a knapsack, which a price of deviations (a Lagrange
// multiplier) solves up to one mixnode. So it is a lower bound of what patience can do.
type best struct {
	*myopic
	names    []string
	mixnodes []metrics.MixID
	history  metrics.History // after all epochs so far
}

func beginBest(s Scene) Liars {
	b := &best{myopic: newMyopic(s), history: metrics.History{}}
	for i := range s.N {
		b.names = append(b.names, fmt.Sprintf("%05d", i))
	}
	for j := range s.Mixnodes {
		b.mixnodes = append(b.mixnodes, metrics.MixID(fmt.Sprintf("m%06d", j)))
	}
	return b
}

// trustShare is the share of the reference that patient liars use, in percent. The rest is for its
// changes until the next epochs.
const trustShare = 95

// choice is a value that all liars may report about a mixnode.
type choice struct {
	value metrics.Uptime
	harm  float64
	cost  float64 // squared deviation from the median of the column
}

func (b *best) Report(epoch int, rows [][]metrics.Uptime) []bool {
	r := payout.NewReports(b.scene.Mixnodes, rows)
	if payout.Weights(b.scene.Judge, r) == nil {
		return b.myopic.Report(epoch, rows)
	}
	if honest := b.scene.HonestReports(rows); honest.Present() < r.Present() {
		choices, options := b.choices(epoch, rows, honest)
		chosen, total := spend(choices, b.budget(rows))
		if b.vetoes(epoch, rows, options, honest, total) {
			b.scene.silence(rows)
			return nil
		}
		b.scene.replace(rows, func(_, j int, _ metrics.Uptime) metrics.Uptime { return chosen[j].value })
	}
	b.remember(epoch, payout.NewReports(b.scene.Mixnodes, rows))
	if r.Present() >= b.scene.N-b.scene.F {
		b.history = b.history.Fold(b.matrix(rows), b.scene.F)
	}
	return nil
}

// choices returns what liars may report about each mixnode, and what that can do at most.
func (b *best) choices(epoch int, rows [][]metrics.Uptime, honest payout.Reports) ([][]choice, []option) {
	trial, liars := b.scene.trial(rows, nil)
	values := make([][]metrics.Uptime, b.scene.Mixnodes)
	for j := range values {
		values[j] = []metrics.Uptime{0, metrics.Full, metrics.Missing, middle(honest.Column(j))}
		for k := range honest.Present() {
			column := honest.Column(j)
			values[j] = append(values[j], at(column, k))
		}
	}
	options, choices := make([]option, b.scene.Mixnodes), make([][]choice, b.scene.Mixnodes)
	b.scene.score(trial, values, func(j int, value, score metrics.Uptime) {
		column := honest.Column(j)
		options[j].consider(value, score, column)
		c := choice{value: value, harm: -1}
		if score != metrics.Missing {
			c.harm, c.cost = harm(score, column), deviation(value, column, liars)
		}
		choices[j] = append(choices[j], c)
	})
	b.observe(options)
	for j, all := range choices {
		for k := range all {
			if all[k].harm < 0 {
				all[k].harm = b.price(epoch, j, options[j], honest.Column(j))
			}
		}
	}
	return choices, options
}

// deviation returns the squared distance of a value from the median of a column in which all liars
// report it, as the history counts it.
func deviation(value metrics.Uptime, honest []metrics.Uptime, liars int) float64 {
	if value == metrics.Missing {
		return 0
	}
	column := append(slices.Repeat([]metrics.Uptime{value}, liars), honest...)
	slices.Sort(column)
	distance := float64(metrics.Median(column) - value)
	return min(distance*distance, float64(metrics.MaxDeviation))
}

// middle returns the median of honest values, 0 without any.
func middle(honest []metrics.Uptime) metrics.Uptime { return max(0, metrics.Median(honest)) }

// at returns honest value number k, the last one if there are fewer, 0 without any.
func at(honest []metrics.Uptime, k int) metrics.Uptime {
	if len(honest) == 0 {
		return 0
	}
	return honest[min(k, len(honest)-1)]
}

// budget returns the sum of squared deviations that the next epoch may add to the history without
// raising that of any liar above the reference.
func (b *best) budget(rows [][]metrics.Uptime) float64 {
	m := b.matrix(rows)
	weights := b.history.Weigh(m, b.scene.F)
	var most int64
	for x, row := range m.Rows {
		if i := slices.Index(b.names, row.Reporter); slices.Contains(b.scene.Liars, i) {
			most = max(most, weights.Deviations[x])
		}
	}
	// The history becomes nine parts of what it is and one part of the epoch's mean.
	return float64(max(0, 10*weights.Reference*trustShare/100-9*most)) * float64(b.scene.Mixnodes)
}

// spend returns a choice for each mixnode, so that the costs are within the budget, and about the
// greatest total harm. If even the least cost exceeds the budget it returns that.
func spend(choices [][]choice, budget float64) (chosen []choice, total float64) {
	chosen, total, cost := choose(choices, 0)
	if cost <= budget {
		return chosen, total
	}
	low, high := 0.0, dearest
	chosen, total, _ = choose(choices, high)
	for range 40 {
		price := (low + high) / 2
		affordable, harm, cost := choose(choices, price)
		if cost > budget {
			low = price
			continue
		}
		high, chosen, total = price, affordable, harm
	}
	return chosen, total
}

// dearest is a price of squared deviations at which liars avoid all that they can.
const dearest = 1e5

// choose returns for each mixnode what is worth most at a price of squared deviations, with the
// total harm and cost.
func choose(choices [][]choice, price float64) (chosen []choice, harm, cost float64) {
	chosen = make([]choice, len(choices))
	for j, all := range choices {
		chosen[j] = all[0]
		for _, c := range all[1:] {
			if c.harm-price*c.cost > chosen[j].harm-price*chosen[j].cost {
				chosen[j] = c
			}
		}
		harm, cost = harm+chosen[j].harm, cost+chosen[j].cost
	}
	return chosen, harm, cost
}

// matrix returns reports as the history takes them.
func (b *best) matrix(rows [][]metrics.Uptime) metrics.Matrix {
	m := metrics.Matrix{Mixnodes: b.mixnodes}
	for i, row := range rows {
		if row != nil {
			m.Rows = append(m.Rows, metrics.Row{Reporter: b.names[i], Values: row})
		}
	}
	return m
}
