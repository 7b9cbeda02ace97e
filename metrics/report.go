package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

var (
	// ErrReport reports a malformed report, matrix or result: no mixnodes, mixnodes that are not
	// strictly ascending, lists of different lengths, or two rows of one reporter.
	ErrReport = errors.New("malformed report")
	// ErrTooLarge reports an encoding above the caller's [Limits].
	ErrTooLarge = errors.New("too large")
)

// Report is what one Nym-API reports about one epoch. Values[i] is its average for Mixnodes[i].
type Report struct {
	Description [32]byte // hash of the description of the epoch
	Mixnodes    []MixID  // strictly ascending, at least one
	Values      []Uptime // as many as Mixnodes
}

// Validate returns nil if every field has an allowed value, otherwise an error that wraps
// [ErrReport], [ErrMixID] or [ErrUptime].
func (r Report) Validate() error {
	if err := validateMixnodes(r.Mixnodes); err != nil {
		return err
	}
	return validateValues(r.Mixnodes, r.Values)
}

// Row is the report of one Nym-API as a row of a [Matrix].
type Row struct {
	Reporter string   // name of the reporter, unique within the matrix
	Values   []Uptime // as many as the matrix has mixnodes
}

// MaxRows is the largest number of rows of a [Matrix].
const MaxRows = math.MaxUint16

// Matrix holds the reports of one epoch: a row for each reporter, a column for each mixnode. Create
// it with [NewMatrix]. It must not be modified and may be read concurrently.
type Matrix struct {
	Mixnodes []MixID // strictly ascending
	Rows     []Row   // strictly ascending by Reporter
}

// NewMatrix returns the matrix of the rows, sorted by reporter. It keeps mixnodes and the Values of
// each row, which must not be modified afterwards, but not the slice of rows. The error wraps
// [ErrReport], [ErrMixID] or [ErrUptime].
func NewMatrix(mixnodes []MixID, rows []Row) (Matrix, error) {
	if err := validateMixnodes(mixnodes); err != nil {
		return Matrix{}, err
	}
	if len(rows) > MaxRows {
		return Matrix{}, fmt.Errorf("%w: %d rows, expected at most %d", ErrReport, len(rows), MaxRows)
	}
	m := Matrix{Mixnodes: mixnodes, Rows: slices.Clone(rows)}
	slices.SortStableFunc(m.Rows, func(a, b Row) int { return strings.Compare(a.Reporter, b.Reporter) })
	for i, row := range m.Rows {
		if i > 0 && row.Reporter == m.Rows[i-1].Reporter {
			return Matrix{}, fmt.Errorf("%w: two rows of reporter %q", ErrReport, row.Reporter)
		}
		if err := validateValues(mixnodes, row.Values); err != nil {
			return Matrix{}, fmt.Errorf("row of reporter %q: %w", row.Reporter, err)
		}
	}
	return m, nil
}

// Row returns the values of a reporter, and false if it has no row.
func (m Matrix) Row(reporter string) ([]Uptime, bool) {
	i, ok := slices.BinarySearchFunc(m.Rows, reporter, func(row Row, name string) int { return strings.Compare(row.Reporter, name) })
	if !ok {
		return nil, false
	}
	return m.Rows[i].Values, true
}

// Result is the outcome of an epoch. Values[i] is the final uptime of Mixnodes[i], [Missing] if
// there were too few reports about it, and Reports[i] the number of values in its column.
type Result struct {
	Mixnodes []MixID  // strictly ascending, at least one
	Values   []Uptime // as many as Mixnodes
	Reports  []uint16 // as many as Mixnodes
}

// Validate returns nil if every field has an allowed value, otherwise an error that wraps
// [ErrReport], [ErrMixID] or [ErrUptime].
func (r Result) Validate() error {
	if err := validateMixnodes(r.Mixnodes); err != nil {
		return err
	}
	if len(r.Reports) != len(r.Mixnodes) {
		return fmt.Errorf("%w: %d counts for %d mixnodes", ErrReport, len(r.Reports), len(r.Mixnodes))
	}
	return validateValues(r.Mixnodes, r.Values)
}

func validateMixnodes(mixnodes []MixID) error {
	if len(mixnodes) == 0 {
		return fmt.Errorf("%w: no mixnodes", ErrReport)
	}
	for i, id := range mixnodes {
		if _, err := ParseMixID(string(id)); err != nil {
			return fmt.Errorf("mixnode %d: %w", i, err)
		}
		if i > 0 && id <= mixnodes[i-1] {
			return fmt.Errorf("%w: mixnode %d %q does not sort after %q", ErrReport, i, id, mixnodes[i-1])
		}
	}
	return nil
}

func validateValues(mixnodes []MixID, values []Uptime) error {
	if len(values) != len(mixnodes) {
		return fmt.Errorf("%w: %d values for %d mixnodes", ErrReport, len(values), len(mixnodes))
	}
	for i, v := range values {
		if !v.Valid() {
			return fmt.Errorf("%w: %d for mixnode %q, expected 0 to %d or missing", ErrUptime, int32(v), mixnodes[i], Full)
		}
	}
	return nil
}
