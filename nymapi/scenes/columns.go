package scenes

import (
	"math"
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

func columns() Scene {
	return Scene{
		Name: "columns", Title: "A penalty depends on the order of the columns", Reports: []string{"autonity #1121"}, Median: another,
		Happened: text(
			"Autonity's oracle penalises voters whose price is far from the median, but only for the first offence in a round, and",
			"symbols are checked in a fixed order. Of two voters with the same two offences, the one whose larger offence comes",
			"first is slashed, and the other is not.",
		),
		Teaches: text(
			"A rule over many columns must look at all of them. Here the history of a reporter is a mean over all columns, so their",
			"order makes no difference, and neither does the order of reports. Nobody is slashed for being an outlier: with",
			"wmedian, a reporter that is often far from the others counts less.",
		),
		Play: playColumns,
	}
}

// voter is what one of three voters submits for the symbols A and B.
type voter struct {
	name   string
	values []metrics.Uptime
}

// voters are those of the report, with its prices in a hundred instead of above.
func voters() []voter {
	return []voter{{"v1", []metrics.Uptime{7040, 9600}}, {"v2", []metrics.Uptime{8000, 8000}}, {"v3", []metrics.Uptime{9600, 7040}}}
}

// Limits of the report, in percent of the median.
const (
	outlierAbove = 10
	slashedAbove = 15
)

func playColumns(uint64) ([]Act, error) {
	forward, backward := voters(), voters()
	for i := range backward {
		slices.Reverse(backward[i].values)
	}
	table := &Table{Head: []string{"voter", "there, A first", "there, B first", "here, A first", "here, B first"}}
	for i, v := range forward {
		table.Rows = append(table.Rows, []string{
			v.name, verdictOf(firstOffence(forward, i)), verdictOf(firstOffence(backward, i)), say("%.2f points", off(forward, i)), say("%.2f points", off(backward, i)),
		})
	}
	prices := make([]string, len(forward))
	for i, v := range forward {
		prices[i] = say("%s %s and %s", v.name, v.values[0], v.values[1])
	}
	return []Act{{
		Title: "Three voters submit prices of A and B: " + strings.Join(prices, ", "), Table: table,
		Says: []string{"There: what the first offence of a round leads to. Here: how far a voter is from the median in the history after the epoch."},
	}}, nil
}

// firstOffence returns by how many percent a voter is off in the first column in which it is an
// outlier, and 0 if it never is.
func firstOffence(all []voter, who int) float64 {
	for j := range all[who].values {
		middle := medianOf(all, j)
		if off := 100 * math.Abs(float64(all[who].values[j]-middle)) / float64(middle); off > outlierAbove {
			return off
		}
	}
	return 0
}

func medianOf(all []voter, column int) metrics.Uptime {
	var values []metrics.Uptime
	for _, v := range all {
		values = append(values, v.values[column])
	}
	slices.Sort(values)
	return metrics.Median(values)
}

func verdictOf(off float64) string {
	switch {
	case off > slashedAbove:
		return "slashed"
	case off > 0:
		return "outlier"
	}
	return "-"
}

// off returns how far a voter is from the others by the history after these reports, in points.
func off(all []voter, who int) float64 {
	m := metrics.Matrix{Mixnodes: []metrics.MixID{"a", "b"}}
	for _, v := range all {
		m.Rows = append(m.Rows, metrics.Row{Reporter: v.name, Values: v.values})
	}
	return math.Sqrt(float64(metrics.History(nil).Fold(m, 0)[all[who].name])) / float64(metrics.PerPoint)
}
