package answers

import (
	"fmt"
	"math"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/intervals"
)

// verdictFacts returns the facts of the verdict and of its conditions, and how much was compared.
func (a *Answers) verdictFacts() []Fact {
	v := a.verdict
	if v == nil {
		return nil
	}
	facts := []Fact{
		named("verdict/best", v.Best), named("verdict/confirmed", v.Confirmed),
		named("verdict/recommended", v.Recommended), named("verdict/default", v.Default),
		exact("verdict/conditions", float64(len(v.Conditions))), exact("verdict/comparisons", float64(len(a.compared))),
		exact("verdict/choosing", float64(len(v.Choosing))), exact("verdict/reporting", float64(len(v.Reporting))),
		exact("verdict/cells", float64(len(a.groups))),
	}
	better, worse := a.held()
	facts = append(facts, exact("verdict/better", float64(better)), exact("verdict/worse", float64(worse)))
	for _, r := range v.Rules {
		facts = append(facts, a.ruleFacts(r)...)
	}
	for _, c := range v.Conditions {
		for i, w := range c.Worst {
			name := fmt.Sprintf("worst/n=%d/missing=%g/%s", c.N, c.Missing, v.Rules[i].Name)
			facts = append(facts, newFact(name, w.Loss), named(name+"/lie", w.Lie), exact(name+"/regret", w.Regret))
		}
	}
	return facts
}

func (a *Answers) ruleFacts(r Rule) []Fact {
	name := "verdict/" + r.Name
	facts := []Fact{
		newFact(name+"/score", r.Score), newFact(name+"/above-best", r.Difference),
		{Name: name + "/adjusted", Text: probability(r.Adjusted), Interval: intervals.Interval{Mean: r.Adjusted, Low: r.Adjusted, High: r.Adjusted}},
		newFact(name+"/honest", r.Honest), newFact(name+"/beyond", r.Beyond),
		exact(name+"/mean-regret", r.MeanRegret), exact(name+"/largest-regret", r.LargeRegret),
	}
	old, ok := a.verdict.Rule(reference)
	if !ok || old.Name == r.Name {
		return facts
	}
	for _, part := range []struct {
		name     string
		own, old []float64
	}{{"score", r.score, old.score}, {"honest", r.honest, old.honest}, {"beyond", r.beyond, old.beyond}} {
		if part.own != nil {
			facts = append(facts, newFact(name+"/"+part.name+"-percent", a.percent(part.own, part.old)))
		}
	}
	return facts
}

// percent returns how many percent a loss is above another one, paired by seed.
func (a *Answers) percent(losses, than []float64) intervals.Interval {
	differences := intervals.Differences(losses, than)
	for i := range differences {
		differences[i] *= 100 / intervals.Mean(than)
	}
	return a.interval(differences)
}

func named(name, text string) Fact {
	nan := math.NaN()
	return Fact{name, "`" + text + "`", intervals.Interval{Mean: nan, Low: nan, High: nan}}
}

// exact returns a fact without an interval.
func exact(name string, x float64) Fact {
	return newFact(name, intervals.Interval{Mean: x, Low: x, High: x})
}

// probability returns a p-value as documents have it.
func probability(p float64) string {
	if p < 0.0001 {
		return "0.0001"
	}
	return strconv.FormatFloat(p, 'g', 2, 64)
}
