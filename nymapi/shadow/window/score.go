package window

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// Names of the rules that are not among the estimators.
const (
	// Single is Nym's rule: the mean of all rows, no matter who submitted them.
	Single = "single"
	// Performance is the rule of Nym's performance contract.
	Performance = "performance"
)

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

// Score applies every rule to every epoch of the window: [Single], all estimators to the reports
// of the submitters with f = [Window.F] and coverage 2f+1, and [Performance]. A node without a
// score is Missing. Values are not carried from one epoch to the next. The history of [payout.Lag]
// epochs earlier weighs the submitters for wmedian, as in epochs that are settled.
func (w *Window) Score(rules Rules) (Scores, error) {
	estimators := append(metrics.Estimators(), metrics.WeightedByHistory())
	if rules.Extra != nil && !slices.ContainsFunc(estimators, func(e metrics.Estimator) bool { return e.Name() == rules.Extra.Name() }) {
		estimators = append(estimators, rules.Extra)
	}
	scores := Scores{Names: []string{Single}}
	for _, e := range estimators {
		scores.Names = append(scores.Names, e.Name())
	}
	scores.Names = append(scores.Names, Performance)
	scores.Values = make([][][]metrics.Uptime, len(scores.Names))
	histories := make([]metrics.History, payout.Lag) // that of this epoch, then those of the next ones
	for epoch := range w.Epochs {
		matrix, err := w.Matrix(epoch)
		if err != nil {
			return Scores{}, err
		}
		scores.add(0, w.single(epoch, rules.MissingIsZero))
		for i, e := range estimators {
			rule := metrics.Rule{Estimator: e, F: w.F(), Coverage: metrics.Coverage(w.F()), History: histories[0]}
			scores.add(i+1, rule.Apply(matrix).Values)
		}
		scores.add(len(estimators)+1, performance(matrix))
		newest := histories[payout.Lag-1]
		if len(matrix.Rows) > 0 {
			newest = newest.Fold(matrix, w.F())
		}
		histories = append(histories[1:], newest)
	}
	return scores, nil
}

func (s *Scores) add(rule int, values []metrics.Uptime) {
	s.Values[rule] = append(s.Values[rule], values)
}

// Matrix returns the reports of an epoch: a row for each submitter that measured something in it,
// a column for each node of the window, in the order of Nodes. The names in it are numbers.
func (w *Window) Matrix(epoch int) (metrics.Matrix, error) {
	columns := make([]metrics.MixID, len(w.Nodes))
	for n := range columns {
		columns[n] = metrics.MixID(fmt.Sprintf("%08d", n))
	}
	var rows []metrics.Row
	for s := range w.Submitters {
		values, some := make([]metrics.Uptime, len(w.Nodes)), false
		for n := range w.Nodes {
			values[n] = w.Report(n, s, epoch)
			some = some || values[n] != metrics.Missing
		}
		if some {
			rows = append(rows, metrics.Row{Reporter: fmt.Sprintf("%08d", s), Values: values})
		}
	}
	return metrics.NewMatrix(columns, rows)
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

// performance returns what Nym's performance contract scores if every submitter sends its report
// of the epoch: values rounded half up to whole percents, then their median, whose mean of the
// middle two is rounded half up again. One value is enough. The kind has weight 1 and the
// configuration counts as perfect, and no value of an earlier epoch is used.
func performance(m metrics.Matrix) []metrics.Uptime {
	scores := make([]metrics.Uptime, len(m.Mixnodes))
	column := make([]metrics.Uptime, 0, len(m.Rows))
	for j := range scores {
		column = column[:0]
		for _, row := range m.Rows {
			if v := row.Values[j]; v != metrics.Missing {
				column = append(column, percent(v))
			}
		}
		slices.Sort(column)
		if scores[j] = metrics.Median(column); scores[j] != metrics.Missing {
			scores[j] = percent(scores[j])
		}
	}
	return scores
}

// percent rounds a value half up to whole percents.
func percent(v metrics.Uptime) metrics.Uptime {
	return (v + metrics.PerPoint/2) / metrics.PerPoint * metrics.PerPoint
}
