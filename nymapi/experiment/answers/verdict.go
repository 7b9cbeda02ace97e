package answers

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/intervals"
)

// The criterion of docs/ESTIMATORS.md in numbers.
const (
	baseSection = "base"
	tieShare    = 0.01 // differences below this share of the smaller score are ties
	honestGuard = 0.05 // how much more a new default may lose than the old one while nobody lies
	beyondGuard = 0.10 // the same with f+1 liars
)

// Verdict is which rule is best by the criterion, and why. Losses are in NYM an epoch.
type Verdict struct {
	Best        string // by the seeds that choose
	Confirmed   string // by the seeds that report: the rule with the smallest score
	Recommended string // among those tied with the best
	Default     string // of contract and compare, if the criterion is followed
	// Why the default is not the best rule, a part of a sentence; empty if it is.
	Kept string

	Rules               []Rule
	Conditions          []Condition
	Choosing, Reporting []uint64 // seeds
}

// Rule is how one estimator does over all conditions.
type Rule struct {
	Name string
	// Candidate reports whether the rule can be the best: whether it is certain to lie between two
	// honest values.
	Candidate bool
	Score     intervals.Interval
	// Difference of the score from that of the best rule; p-values of candidates are adjusted over
	// them.
	Difference  intervals.Interval
	P, Adjusted float64
	Tied        bool // with the best rule
	// Honest is the mean loss over the conditions while nobody lies, Beyond that under the worst lie
	// of f+1 liars.
	Honest, Beyond          intervals.Interval
	MeanRegret, LargeRegret float64

	score, honest, beyond []float64 // by reporting seed
}

// Condition is a number of Nym-APIs with a share of missing cells.
type Condition struct {
	N       int
	Missing float64
	Worst   []Worst // for each rule of the verdict
}

// Worst is the worst lie against a rule in a condition.
type Worst struct {
	Lie    string
	Liars  int
	Loss   intervals.Interval
	Regret float64
}

// String returns the condition as tables have it.
func (c Condition) String() string { return fmt.Sprintf("N = %d, %g %% missing", c.N, 100*c.Missing) }

// needs ranks rules by how much they need: see "Ties" in the criterion.
func needs(rule string) int {
	switch rule {
	case reference:
		return 0
	case metrics.WeightedByHistory().Name():
		return 2
	}
	return 1
}

// judge applies the criterion. The verdict is nil if the results do not have the cells for it.
func (a *Answers) judge() (*Verdict, error) {
	base := a.of(baseSection)
	cells := slices.DeleteFunc(slices.Clone(base), func(g *group) bool { return !hasTolerated(base, g) })
	if len(cells) == 0 {
		return nil, nil
	}
	v := &Verdict{}
	split := choosing(len(cells[0].seeds))
	v.Choosing, v.Reporting = cells[0].seeds[:split], cells[0].seeds[split:]
	for _, g := range cells {
		if !slices.Equal(g.seeds, cells[0].seeds) {
			return nil, fmt.Errorf("%w: %s has other seeds than %s", ErrResults, g.Cell, cells[0].Cell)
		}
	}
	for _, e := range append(metrics.Estimators(), metrics.WeightedByHistory()) {
		if !slices.ContainsFunc(cells, func(g *group) bool { return !g.measured(e.Name(), loss) }) {
			v.Rules = append(v.Rules, Rule{Name: e.Name(), Candidate: metrics.Bounded(e, 1)})
		}
	}
	if !slices.ContainsFunc(v.Rules, func(r Rule) bool { return r.Candidate }) {
		return nil, nil
	}
	scores := a.gather(v, cells)
	a.decide(v, scores)
	return v, nil
}

// hasTolerated reports whether the condition of a cell has one with at most f liars.
func hasTolerated(cells []*group, of *group) bool {
	return slices.ContainsFunc(cells, func(g *group) bool { return g.N == of.N && g.Missing == of.Missing && g.Liars <= g.F() })
}

// gather finds the worst lies of each condition, and sums up the losses of all rules. It returns
// the score of each rule by the seeds that choose.
func (a *Answers) gather(v *Verdict, cells []*group) []float64 {
	var conditions [][]*group
	for _, g := range cells {
		i := slices.IndexFunc(v.Conditions, func(c Condition) bool { return c.N == g.N && c.Missing == g.Missing })
		if i < 0 {
			i = len(conditions)
			v.Conditions, conditions = append(v.Conditions, Condition{N: g.N, Missing: g.Missing}), append(conditions, nil)
		}
		conditions[i] = append(conditions[i], g)
	}
	scores := make([]float64, len(v.Rules))
	for i := range v.Rules {
		r := &v.Rules[i]
		for k, cells := range conditions {
			worst := worstFor(r.Name, cells, func(g *group) bool { return g.Liars <= g.F() })
			losses := worst.reported(r.Name, loss)
			v.Conditions[k].Worst = append(v.Conditions[k].Worst, Worst{Lie: worst.Lie, Liars: worst.Liars, Loss: a.interval(losses)})
			scores[i] += intervals.Mean(worst.chosen(r.Name, loss)) / float64(len(conditions))
			r.score = accumulate(r.score, losses, len(conditions))
			honest := worstFor(r.Name, cells, func(g *group) bool { return g.Liars == 0 })
			beyond := worstFor(r.Name, cells, func(g *group) bool { return g.Liars == g.F()+1 })
			if honest != nil {
				r.honest = accumulate(r.honest, honest.reported(r.Name, loss), len(conditions))
			}
			if beyond != nil {
				r.beyond = accumulate(r.beyond, beyond.reported(r.Name, loss), len(conditions))
			}
		}
		r.Score, r.Honest, r.Beyond = a.optional(r.score), a.optional(r.honest), a.optional(r.beyond)
	}
	v.regret()
	return scores
}

// worstFor returns the cell in which a rule loses most by the seeds that choose, nil if no cell
// qualifies.
func worstFor(rule string, cells []*group, qualifies func(*group) bool) *group {
	var worst *group
	most := math.Inf(-1)
	for _, g := range cells {
		if !qualifies(g) {
			continue
		}
		if mean := intervals.Mean(g.chosen(rule, loss)); mean > most {
			worst, most = g, mean
		}
	}
	return worst
}

// accumulate adds the share of one of several conditions to the sum of each seed.
func accumulate(sums, losses []float64, conditions int) []float64 {
	if sums == nil {
		sums = make([]float64, len(losses))
	}
	for i, l := range losses {
		sums[i] += l / float64(conditions)
	}
	return sums
}

func (a *Answers) optional(values []float64) intervals.Interval {
	if values == nil {
		return intervals.Interval{Mean: math.NaN(), Low: math.NaN(), High: math.NaN()}
	}
	return a.interval(values)
}

// regret computes how far each rule is from the best candidate in each condition.
func (v *Verdict) regret() {
	for _, c := range v.Conditions {
		least := math.Inf(1)
		for i, w := range c.Worst {
			if v.Rules[i].Candidate {
				least = min(least, w.Loss.Mean)
			}
		}
		for i := range c.Worst {
			c.Worst[i].Regret = c.Worst[i].Loss.Mean - least
			v.Rules[i].MeanRegret += c.Worst[i].Regret / float64(len(v.Conditions))
			v.Rules[i].LargeRegret = max(v.Rules[i].LargeRegret, c.Worst[i].Regret)
		}
	}
}

// decide finds the best rule, what is tied with it, and the default.
func (a *Answers) decide(v *Verdict, scores []float64) {
	best, confirmed := -1, -1
	for i, r := range v.Rules {
		if !r.Candidate {
			continue
		}
		if best < 0 || scores[i] < scores[best] {
			best = i
		}
		if confirmed < 0 || r.Score.Mean < v.Rules[confirmed].Score.Mean {
			confirmed = i
		}
	}
	v.Best, v.Confirmed = v.Rules[best].Name, v.Rules[confirmed].Name
	p := make([]float64, len(v.Rules))
	for i := range v.Rules {
		r := &v.Rules[i]
		differences := intervals.Differences(r.score, v.Rules[best].score)
		r.Difference, r.P = a.interval(differences), intervals.P(differences)
		p[i] = r.P
		if !r.Candidate || i == best {
			p[i] = math.NaN() // no comparison of the verdict
		}
	}
	for i, adjusted := range intervals.Holm(p) {
		r := &v.Rules[i]
		r.Adjusted = adjusted
		smaller := min(r.Score.Mean, v.Rules[best].Score.Mean)
		r.Tied = r.Candidate && (i == best || adjusted >= significant || math.Abs(r.Difference.Mean) < tieShare*smaller)
	}
	v.recommend()
	v.chooseDefault()
}

// recommend chooses among the rules that are tied with the best.
func (v *Verdict) recommend() {
	tied := slices.DeleteFunc(slices.Clone(v.Rules), func(r Rule) bool { return !r.Tied })
	slices.SortStableFunc(tied, func(a, b Rule) int { return cmp.Compare(needs(a.Name), needs(b.Name)) })
	first := tied[0]
	v.Recommended = first.Name
	if first.honest == nil {
		return
	}
	honest := slices.MinFunc(tied, func(a, b Rule) int { return cmp.Compare(a.Honest.Mean, b.Honest.Mean) })
	p := intervals.P(intervals.Differences(honest.honest, first.honest)) * float64(max(1, len(tied)-1))
	if p < significant && first.Honest.Mean-honest.Honest.Mean >= tieShare*honest.Honest.Mean {
		v.Recommended = honest.Name
	}
}

// chooseDefault says which rule should be the default, by the guards of the criterion.
func (v *Verdict) chooseDefault() {
	v.Default = reference
	best, _ := v.Rule(v.Best)
	old, ok := v.Rule(reference)
	switch {
	case !ok || v.Best == reference:
	case old.Tied:
		v.Kept = "it is tied with " + v.Best
	case math.IsNaN(best.Honest.Mean):
		v.Kept = "no cell says what " + v.Best + " loses while nobody lies"
	case math.IsNaN(best.Beyond.Mean):
		v.Kept = "no cell says what " + v.Best + " loses with f+1 liars"
	case !(best.Honest.Mean <= (1+honestGuard)*old.Honest.Mean):
		v.Kept = v.Best + " loses too much while nobody lies"
	case !(best.Beyond.Mean <= (1+beyondGuard)*old.Beyond.Mean):
		v.Kept = v.Best + " loses too much with f+1 liars"
	default:
		v.Default = v.Best
	}
}

// Rule returns a rule by its name.
func (v *Verdict) Rule(name string) (Rule, bool) {
	for _, r := range v.Rules {
		if r.Name == name {
			return r, true
		}
	}
	return Rule{}, false
}
