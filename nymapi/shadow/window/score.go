package window

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// Single is the name of Nym's rule: the mean of all rows, no matter who submitted them.
const Single = "single"

// Rules says how a window is scored.
type Rules struct {
	// Extra is an estimator that is scored in addition to all others, unless it is one of them or
	// nil.
	Extra metrics.Estimator
	// MissingIsZero makes a row that is not there a 0 for [Single], as monitor v1 does: each node is
	// expected to have as many rows as the one with most.
	MissingIsZero bool
}

// Scores holds what each rule scores.
type Scores struct {
	Names  []string             // of the rules, Single first
	Values [][][]metrics.Uptime // by rule, epoch and node
}

// Rule returns the scores of a rule by epoch and node, and nil if it was not scored.
func (s Scores) Rule(name string) [][]metrics.Uptime {
	if i := slices.Index(s.Names, name); i >= 0 {
		return s.Values[i]
	}
	return nil
}

// Score applies every rule to every epoch of the window: [Single], all estimators to the reports of
// the submitters as members of a group, and the rule of Nym's performance contract. A node without
// a score is Missing. Values are not carried from one epoch to the next. wmedian knows the
// submitters by earlier epochs, as in epochs that are settled.
func (w *Window) Score(rules Rules) Scores {
	ways := rules.ways(len(w.Submitters))
	scores := Scores{Names: []string{Single}}
	for _, way := range ways {
		scores.Names = append(scores.Names, way.Name())
	}
	scores.Values = make([][][]metrics.Uptime, len(scores.Names))
	for epoch := range w.Epochs {
		scores.add(0, w.single(epoch, rules.MissingIsZero))
		reports := w.Reports(epoch)
		for i, way := range ways {
			scores.add(i+1, slices.Clone(way.Score(reports)))
			way.Settle(reports)
		}
	}
	return scores
}

// ways returns the ways in which n Nym-APIs could decide.
func (r Rules) ways(n int) []payout.Way {
	estimators := append(metrics.Estimators(), metrics.WeightedByHistory())
	if r.Extra != nil && !slices.ContainsFunc(estimators, func(e metrics.Estimator) bool { return e.Name() == r.Extra.Name() }) {
		estimators = append(estimators, r.Extra)
	}
	var ways []payout.Way
	for _, e := range estimators {
		ways = append(ways, payout.Group(n, e))
	}
	return append(ways, payout.Performance())
}

func (s *Scores) add(rule int, values []metrics.Uptime) {
	s.Values[rule] = append(s.Values[rule], values)
}

// Reports returns the reports of an epoch: a row for each submitter that measured something in it,
// a column for each node of the window.
func (w *Window) Reports(epoch int) payout.Reports {
	rows := make([][]metrics.Uptime, len(w.Submitters))
	for s := range rows {
		if w.RowsOf(s, epoch) == 0 {
			continue
		}
		rows[s] = make([]metrics.Uptime, len(w.Nodes))
		for n := range w.Nodes {
			rows[s][n] = w.Report(n, s, epoch)
		}
	}
	return payout.NewReports(len(w.Nodes), rows)
}

func (w *Window) single(epoch int, missingIsZero bool) []metrics.Uptime {
	runs := 0
	if missingIsZero {
		runs = w.Runs(epoch)
	}
	values := make([]metrics.Uptime, len(w.Nodes))
	for n := range values {
		values[n] = w.Single(n, epoch, runs)
	}
	return values
}
