package scenes

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/worth"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

func lastReporter() Scene {
	return Scene{
		Name: "last-reporter", Title: "The last reporter steers the median", Reports: []string{"enzyme #463"}, Median: upToF,
		Happened: text(
			"In Enzyme's price feed each operator submits a price, and the median counts. With five, the last one sees the other",
			"four, and can set the median to any value between the two in the middle. It never leaves the range of the honest",
			"prices, so nothing looks wrong, and every operator has a reason to wait. The audit recommended commit and reveal.",
		),
		Teaches: text(
			"A median limits liars; it does not exclude them. f late reporters can move it as far as honest values are apart. For",
			"good mixnodes that is less than two points, but the chance to be drawn depends on the 20th power of the score. Reports",
			"are public before the last one is due, here and in the performance contract. Commit and reveal would hide them, at the",
			"price of another round, and of epochs that are lost when members do not reveal.",
		),
		Play: playLastReporter,
	}
}

func playLastReporter(seed uint64) ([]Act, error) {
	s, err := newStage(seed)
	if err != nil {
		return nil, err
	}
	which := s.good(mixnodes / 10)
	v := view{over: say("the %d victims", len(which)), which: which, epochs: always()}
	acts := []Act{fiveOperators()}
	for _, count := range []int{1, faulty()} {
		title := "Nym-API 1 waits, and reports the lowest value of the others for 24 good mixnodes"
		if count > 1 {
			title = say("Nym-APIs 1 to %d (f) do so", count)
		}
		late := s.lowest(count, which)
		act := late.act(title, v)
		shift, chance := s.shift(late, v)
		act.Says = []string{
			say("The median of a victim falls by %.2f points, and the weight with which Nym draws it by %.1f %%.", shift, 100*(1-chance)),
			say("Over all mixnodes, Nym-API 1 is %.1f points from the median, and the honest ones at most %.1f.",
				late.distance(1, always()), late.farthest(count, always())),
		}
		acts = append(acts, act)
	}
	return acts, nil
}

// fiveOperators is the example of the report.
func fiveOperators() Act {
	others := []metrics.Uptime{2214, 2276, 2318, 2321}
	table := &Table{Head: []string{"the fifth operator submits", "median"}}
	for _, fifth := range []metrics.Uptime{0, 2276, 2300, 2318, metrics.Full} {
		values := append(slices.Clone(others), fifth)
		slices.Sort(values)
		table.Rows = append(table.Rows, []string{fifth.String(), metrics.Median(values).String()})
	}
	return Act{Title: "The example of the report: four operators submit 22.14, 22.76, 23.18 and 23.21", Table: table}
}

// lowest lets the first Nym-APIs report the lowest value of the others for some mixnodes.
func (s stage) lowest(count int, which []int) stage {
	return s.with(func(epoch, i int, row []metrics.Uptime) []metrics.Uptime {
		if i > count {
			return row
		}
		for _, j := range which {
			for _, other := range s.reports[epoch-1][count:] {
				row[j] = min(row[j], other[j])
			}
		}
		return row
	})
}

// shift compares what the median pays in a changed stage with what it pays here: by how many points
// it is lower, and by which factor the weight in the draw changes, on average.
func (s stage) shift(changed stage, v view) (points, chance float64) {
	before, after := v.choose(s.pay(wayOf(wayMedian))), v.choose(changed.pay(wayOf(wayMedian)))
	weight := func(p payout.Payment) float64 { return worth.Weight(float64(p.Value) / float64(metrics.Full)) }
	cells, heavy, light := 0, 0.0, 0.0
	for e := range before {
		for k := range before[e] {
			points += float64(before[e][k].Value-after[e][k].Value) / float64(metrics.PerPoint)
			heavy, light, cells = heavy+weight(before[e][k]), light+weight(after[e][k]), cells+1
		}
	}
	return points / float64(cells), light / heavy
}
