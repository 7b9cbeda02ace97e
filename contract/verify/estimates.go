package verify

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Estimates returns what each estimator of package metrics would have paid for one column of the
// matrix of the epoch of d, with the description's rules otherwise: the number of faulty members,
// the coverage, and the history of reporters. The matrix must have one mixnode and a row for each
// reporter of the epoch, also for those without a value; weights depend on nothing else of the
// other columns.
func Estimates(column metrics.Matrix, d contract.Description) ([]contract.Estimate, error) {
	if len(column.Mixnodes) != 1 {
		return nil, fmt.Errorf("a matrix of %d mixnodes, expected one", len(column.Mixnodes))
	}
	rule := metrics.Rule{F: d.Group.F(), Coverage: int(d.Rules.Coverage), History: d.State.Metrics()}
	var list []contract.Estimate
	for _, estimator := range append(metrics.Estimators(), metrics.WeightedByHistory()) {
		rule.Estimator = estimator
		list = append(list, contract.Estimate{Estimator: estimator.Name(), Percent: contract.Percent(rule.Apply(column).Values[0])})
	}
	return list, nil
}
