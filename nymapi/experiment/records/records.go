// Package records is the form of the CSV file with all results of an experiment: one line for each
// cell, seed and way of deciding. It only reads them. Package grid writes the file, and package
// answers says what it means.
package records

import (
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
)

// Record is one line. Its cell has only what the file has: not the numbers of mixnodes, epochs,
// ticks and packets.
type Record struct {
	experiment.Cell
	Seed   uint64
	Way    string
	Values []float64 // in the order of experiment.Measures, NaN if not measured
}

// parameters are the columns in front of the measures.
func parameters() []string {
	return []string{"section", "n", "liars", "lie", "missing", "factor", "level", "seed", "way"}
}

// Columns returns the names of all columns.
func Columns() []string {
	columns := parameters()
	for _, m := range experiment.Measures() {
		columns = append(columns, m.Name)
	}
	return columns
}

// index returns the position of a measure, -1 if no measure has that name.
func index(measure string) int {
	return slices.IndexFunc(experiment.Measures(), func(m experiment.Measure) bool { return m.Name == measure })
}

// Value returns the value of a measure, NaN if it was not measured or is unknown.
func (r Record) Value(measure string) float64 {
	if i := index(measure); i >= 0 {
		return r.Values[i]
	}
	return math.NaN()
}
