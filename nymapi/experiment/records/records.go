// Package records is the CSV file with all results of an experiment: one line for each cell, seed
// and way of deciding. It only reads and writes; package answers says what they mean.
package records

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
)

// File is the name of the file in the folder of an experiment.
const File = "results.csv"

// Record is one line. Its cell has only what the file has: see [Identity].
type Record struct {
	experiment.Cell
	Seed   uint64
	Way    string
	Values []float64 // in the order of experiment.Measures, NaN if not measured
}

// Identity returns the fields of a cell that are in the file.
func Identity(c experiment.Cell) experiment.Cell {
	return experiment.Cell{Section: c.Section, N: c.N, Liars: c.Liars, Lie: c.Lie, Missing: c.Missing, Factor: c.Factor, Level: c.Level}
}

// New returns the record of a row.
func New(row experiment.Row) Record {
	r := Record{Cell: Identity(row.Cell), Seed: row.Seed, Way: row.Way}
	for _, m := range experiment.Measures() {
		r.Values = append(r.Values, m.Value(row.Figures))
	}
	return r
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

// digits of values: more than their intervals justify, and few enough to be the same everywhere.
const digits = 7

// Write writes records as CSV with a header, in their order.
func Write(w io.Writer, records []Record) error {
	var line []byte
	for i, name := range Columns() {
		if i > 0 {
			line = append(line, ',')
		}
		line = append(line, name...)
	}
	line = append(line, '\n')
	for _, r := range records {
		line = r.append(line)
		if len(line) < 1<<16 {
			continue
		}
		if _, err := w.Write(line); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
		line = line[:0]
	}
	if _, err := w.Write(line); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

// append appends the line of a record. Names have no characters that CSV quotes: see valid.
func (r Record) append(line []byte) []byte {
	line = append(line, r.Section...)
	line = strconv.AppendInt(append(line, ','), int64(r.N), 10)
	line = strconv.AppendInt(append(line, ','), int64(r.Liars), 10)
	line = append(append(line, ','), r.Lie...)
	line = strconv.AppendFloat(append(line, ','), r.Missing, 'g', -1, 64)
	line = append(append(line, ','), r.Factor...)
	line = append(append(line, ','), r.Level...)
	line = strconv.AppendUint(append(line, ','), r.Seed, 10)
	line = append(append(line, ','), r.Way...)
	for _, v := range r.Values {
		line = append(line, ',')
		if !math.IsNaN(v) {
			line = strconv.AppendFloat(line, v, 'g', digits, 64)
		}
	}
	return append(line, '\n')
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
