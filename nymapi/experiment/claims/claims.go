// Package claims compares what the authors of wmedian say about it with what the experiment
// measures in its section "weights". It computes from records alone, plays nothing, and the same
// records yield the same claims.
package claims

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/intervals"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/records"
	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
)

// Section is the section of the experiment whose records are compared.
const Section = "weights"

// Verdict is what the measurements say about a claim.
type Verdict string

// The verdicts. A claim without all its records has none.
const (
	Holds    Verdict = "holds"
	Partly   Verdict = "partly" // in some groups, or in the same direction but not by as much
	Fails    Verdict = "does not hold"
	Unplayed Verdict = "not measured"
)

// Claim is a claim with what was measured about it.
type Claim struct {
	Name     string // in files: letters, digits and dashes
	Says     string // what the authors say, as a sentence
	Measured []Measurement
	Verdict  Verdict
}

// Measurement is one figure about a claim.
type Measurement struct {
	What string // with its unit
	intervals.Interval
}

// Compare returns all claims, in the order in which their authors make them.
func Compare(lines []records.Record) []Claim {
	t := newTable(lines)
	var all []Claim
	for _, c := range list() {
		all = append(all, c.compare(t))
	}
	return all
}

// Write writes the claims for people, in 80 columns.
func Write(w io.Writer, all []Claim) error {
	var b strings.Builder
	b.WriteString(paragraph.Wrap("What the authors of wmedian say about it, and what was measured, with 95 % intervals over seeds. "+
		"Ratios are an error under wmedian divided by that under the median, in the same runs: below 1, wmedian is better.") + "\n")
	for _, c := range all {
		fmt.Fprintf(&b, "\n%s\n", paragraph.Wrap(fmt.Sprintf("%s: %s", c.Verdict, c.Says)))
		for _, m := range c.Measured {
			fmt.Fprintf(&b, "  %-50s %s\n", m.What, Figure(m.Interval))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Figure returns an interval for people.
func Figure(i intervals.Interval) string {
	if math.IsInf(i.Low, 0) || i.Low == i.High {
		return fmt.Sprintf("%.3g", i.Mean)
	}
	return fmt.Sprintf("%.3g (%.3g to %.3g)", i.Mean, i.Low, i.High)
}

// table has the values of one measure by cell and way, in the order of the seeds.
type table struct {
	records map[key][]records.Record
	boot    map[int]intervals.Bootstrap // by number of values
}

type key struct {
	n, liars           int
	lie, factor, level string
	missing            float64
	way                string
}

func newTable(all []records.Record) table {
	t := table{records: map[key][]records.Record{}, boot: map[int]intervals.Bootstrap{}}
	for _, r := range all {
		if r.Section == Section {
			k := key{r.N, r.Liars, r.Lie, r.Factor, r.Level, r.Missing, r.Way}
			t.records[k] = append(t.records[k], r)
		}
	}
	return t
}

// of returns the values of a measure of a way, none if it was not played.
func (t table) of(k key, way, measure string) []float64 {
	k.way = way
	var values []float64
	for _, r := range t.records[k] {
		values = append(values, r.Value(measure))
	}
	return values
}

// interval returns the mean of values with its interval.
func (t table) interval(values []float64) intervals.Interval {
	if _, known := t.boot[len(values)]; !known {
		t.boot[len(values)] = intervals.New(len(values))
	}
	return t.boot[len(values)].Interval(values)
}

// ratio returns a measure of wmedian divided by that of the median, seed by seed.
func (t table) ratio(k key, measure string) []float64 {
	weighted, median := t.of(k, "wmedian", measure), t.of(k, "median", measure)
	if len(weighted) != len(median) {
		return nil
	}
	ratios := make([]float64, len(weighted))
	for i := range ratios {
		ratios[i] = weighted[i] / median[i]
	}
	return ratios
}

// cell returns the cell with that lie told by f of n, or by nobody.
func cell(n int, lie string) key {
	k := key{n: n, lie: lie}
	if lie != experiment.Honest {
		k.liars = experiment.Cell{N: n}.F()
	}
	return k
}

func (k key) with(factor, level string) key {
	k.factor, k.level = factor, level
	return k
}
