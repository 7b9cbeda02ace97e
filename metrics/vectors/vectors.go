// Package vectors checks files of examples: matrices and what each estimator makes of them, columns
// with weights, and sequences of epochs with a history. Another implementation of the estimators is
// right if it agrees with such files, and this one is if it agrees with files that others made.
//
// A file is a JSON object with "format": 1. Uptimes are hundredths of a percent, null is missing,
// and reporters are the keys of an object, in no order that means anything:
//
//	matrices[]    name, f, coverage (below 1 counts as 1), rows {reporter: [a value per column]},
//	              reports [values present per column], expect {estimator: [a result per column]}.
//	              wmedian is without history here.
//	slices[]      one column of wmedian: f, values, weights in the same order, capped (null: fewer
//	              than 2f+1 values), expect
//	sequences[]   name, epochs[]: each with the history after the one before, empty at first: epoch,
//	              f, coverage, rows, and expect {v {reporter: deviation used}, reference, raw_weights
//	              {reporter: weight}, values, reports, columns (those with at least 2f+1 values),
//	              state {reporter: deviation afterwards}}
package vectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// ErrFile reports a file that is not one of examples.
var ErrFile = errors.New("not a file of examples")

// Outcome is how many expectations of a file were checked, and those that were not met. An
// expectation is one list or number of the file.
type Outcome struct {
	Checked  int
	Failures []string // each names the example, what was expected and what came out
}

// Check checks a file. The error wraps ErrFile.
func Check(data []byte) (Outcome, error) {
	var f file
	if err := Decode(data, &f, &f.Format); err != nil {
		return Outcome{}, err
	}
	if len(f.Matrices)+len(f.Slices)+len(f.Sequences) == 0 {
		return Outcome{}, fmt.Errorf("%w: it holds neither matrices, slices nor sequences", ErrFile)
	}
	c := &checker{}
	for i, m := range f.Matrices {
		if err := c.matrix(m); err != nil {
			return Outcome{}, fmt.Errorf("%w: matrix %d, %q: %w", ErrFile, i+1, m.Name, err)
		}
	}
	for i, s := range f.Slices {
		if err := c.slice(i+1, s); err != nil {
			return Outcome{}, fmt.Errorf("%w: slice %d: %w", ErrFile, i+1, err)
		}
	}
	for i, s := range f.Sequences {
		if err := c.sequence(s); err != nil {
			return Outcome{}, fmt.Errorf("%w: sequence %d, %q: %w", ErrFile, i+1, s.Name, err)
		}
	}
	return c.outcome, nil
}

// Decode decodes a file, which is one JSON object without unknown fields, and checks the format
// that it states. The error wraps ErrFile.
func Decode(data []byte, file any, format *int) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(file); err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	if decoder.More() {
		return fmt.Errorf("%w: there is more after the object", ErrFile)
	}
	if *format != 1 {
		return fmt.Errorf("%w: its format is %d, expected 1", ErrFile, *format)
	}
	return nil
}

type file struct {
	Format    int        `json:"format"`
	About     string     `json:"about"`
	Matrices  []example  `json:"matrices"`
	Slices    []slice    `json:"slices"`
	Sequences []sequence `json:"sequences"`
}

type rows map[string][]metrics.Uptime

type example struct {
	Name     string                      `json:"name"`
	F        int                         `json:"f"`
	Coverage int                         `json:"coverage"`
	Rows     rows                        `json:"rows"`
	Reports  []uint16                    `json:"reports"`
	Expect   map[string][]metrics.Uptime `json:"expect"`
}

type slice struct {
	F       int              `json:"f"`
	Values  []metrics.Uptime `json:"values"`
	Weights []int64          `json:"weights"`
	Capped  []int64          `json:"capped"`
	Expect  metrics.Uptime   `json:"expect"`
}

type sequence struct {
	Name   string  `json:"name"`
	Epochs []epoch `json:"epochs"`
}

type epoch struct {
	Epoch    int    `json:"epoch"`
	F        int    `json:"f"`
	Coverage int    `json:"coverage"`
	Rows     rows   `json:"rows"`
	Expect   weighs `json:"expect"`
}

// weighs is what is expected of an epoch.
type weighs struct {
	V          map[string]int64 `json:"v"`
	Reference  int64            `json:"reference"`
	RawWeights map[string]int64 `json:"raw_weights"`
	Values     []metrics.Uptime `json:"values"`
	Reports    []uint16         `json:"reports"`
	Columns    int              `json:"columns"`
	State      metrics.History  `json:"state"`
}

type checker struct{ outcome Outcome }

// expect compares one expectation. What says whose it is.
func (c *checker) expect(equal bool, what string, want, got any) {
	c.outcome.Checked++
	if !equal {
		c.outcome.Failures = append(c.outcome.Failures, fmt.Sprintf("%s: expected %v, got %v", what, want, got))
	}
}

func (c *checker) matrix(e example) error {
	m, err := e.Rows.matrix()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(e.Expect)) {
		estimator, err := estimatorOf(name)
		if err != nil {
			return err
		}
		result := metrics.Rule{Estimator: estimator, F: e.F, Coverage: e.Coverage}.Apply(m)
		c.expect(slices.Equal(result.Values, e.Expect[name]), fmt.Sprintf("matrix %q, %s", e.Name, name), e.Expect[name], result.Values)
		if name == "median" {
			c.expect(slices.Equal(result.Reports, e.Reports), fmt.Sprintf("matrix %q, reports", e.Name), e.Reports, result.Reports)
		}
	}
	return nil
}

func estimatorOf(name string) (metrics.Estimator, error) {
	if weighted := metrics.WeightedByHistory(); name == weighted.Name() {
		return weighted, nil
	}
	return metrics.ParseEstimator(name)
}

// matrix returns the rows as a matrix whose columns have made-up names.
func (r rows) matrix() (metrics.Matrix, error) {
	columns := 0
	var all []metrics.Row
	for reporter, values := range r {
		columns = len(values)
		all = append(all, metrics.Row{Reporter: reporter, Values: values})
	}
	mixnodes := make([]metrics.MixID, columns)
	for i := range mixnodes {
		mixnodes[i] = metrics.MixID(fmt.Sprintf("mix%09d", i))
	}
	return metrics.NewMatrix(mixnodes, all)
}

func (c *checker) slice(number int, s slice) error {
	if len(s.Weights) != len(s.Values) {
		return fmt.Errorf("%d weights for %d values", len(s.Weights), len(s.Values))
	}
	column := make([]metrics.WeightedUptime, len(s.Values))
	for i, v := range s.Values {
		if v == metrics.Missing || !v.Valid() || s.Weights[i] < 1 || s.Weights[i] > metrics.MaxWeight {
			return fmt.Errorf("value %d is %d with weight %d, expected an uptime with a weight from 1 to %d", i+1, int32(v), s.Weights[i], metrics.MaxWeight)
		}
		column[i] = metrics.WeightedUptime{Value: v, Weight: s.Weights[i]}
	}
	capped := metrics.CapWeights(s.Weights, s.F)
	c.expect(slices.Equal(capped, s.Capped) && (capped == nil) == (s.Capped == nil), fmt.Sprintf("slice %d, capped", number), s.Capped, capped)
	got := metrics.WeightedMedian(column, s.F)
	c.expect(got == s.Expect, fmt.Sprintf("slice %d", number), s.Expect, got)
	return nil
}

func (c *checker) sequence(s sequence) error {
	var history metrics.History
	for _, e := range s.Epochs {
		m, err := e.Rows.matrix()
		if err != nil {
			return fmt.Errorf("epoch %d: %w", e.Epoch, err)
		}
		what := func(field string) string { return fmt.Sprintf("sequence %q, epoch %d, %s", s.Name, e.Epoch, field) }
		weights := history.Weigh(m, e.F)
		deviations, raw := map[string]int64{}, map[string]int64{}
		for i, row := range m.Rows {
			deviations[row.Reporter], raw[row.Reporter] = weights.Deviations[i], weights.Raw[i]
		}
		result := metrics.Rule{Estimator: metrics.WeightedByHistory(), F: e.F, Coverage: e.Coverage, History: history}.Apply(m)
		history = history.Fold(m, e.F)
		columns := 0
		for _, reports := range result.Reports {
			if int(reports) >= metrics.Coverage(e.F) {
				columns++
			}
		}
		c.expect(maps.Equal(deviations, e.Expect.V), what("v"), e.Expect.V, deviations)
		c.expect(weights.Reference == e.Expect.Reference, what("reference"), e.Expect.Reference, weights.Reference)
		c.expect(maps.Equal(raw, e.Expect.RawWeights), what("raw_weights"), e.Expect.RawWeights, raw)
		c.expect(slices.Equal(result.Values, e.Expect.Values), what("values"), e.Expect.Values, result.Values)
		c.expect(slices.Equal(result.Reports, e.Expect.Reports), what("reports"), e.Expect.Reports, result.Reports)
		c.expect(columns == e.Expect.Columns, what("columns"), e.Expect.Columns, columns)
		c.expect(maps.Equal(history, e.Expect.State), what("state"), e.Expect.State, history)
	}
	return nil
}
