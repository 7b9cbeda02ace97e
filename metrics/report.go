package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

var (
	// ErrReport marks a report, matrix or result whose parts do not fit together: no mixnodes,
	// mixnodes that are not strictly ascending, lists of different lengths, two rows of one reporter.
	ErrReport = errors.New("malformed report")
	// ErrTooLarge marks something above the caller's [Limits].
	ErrTooLarge = errors.New("too large")
)

// Report is what one Nym-API says about one epoch. Values[i] is the average that it measured for
// Mixnodes[i].
type Report struct {
	Description [32]byte // hash of the description of the epoch that the report was made for
	Mixnodes    []MixID  // strictly ascending, at least one
	Values      []Uptime // as many as Mixnodes
}

// Validate returns nil for a report that keeps the rules of its fields, else an error that wraps
// [ErrReport], [ErrMixID] or [ErrUptime].
func (r Report) Validate() error {
	if err := validateMixnodes(r.Mixnodes); err != nil {
		return err
	}
	return validateValues(r.Mixnodes, r.Values)
}

// Row is the report of one Nym-API as a row of a [Matrix].
type Row struct {
	Reporter string   // who reported, unique within the matrix
	Values   []Uptime // as many as the matrix has mixnodes
}

// MaxRows is the largest number of rows of a [Matrix].
const MaxRows = math.MaxUint16

// Matrix holds the reports of one epoch: a row for each reporter, a column for each mixnode. Only
// those made by [NewMatrix] are valid; it is read-only after that and may be read concurrently.
type Matrix struct {
	Mixnodes []MixID // strictly ascending
	Rows     []Row   // strictly ascending by Reporter
}

// NewMatrix returns the matrix of rows, ordered by reporter whatever order they came in. It keeps
// the slices of the arguments (not the slice of rows itself), which must not change any more. The
// error wraps [ErrReport], [ErrMixID] or [ErrUptime].
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

// Result is the outcome of an epoch. For Mixnodes[i], Values[i] is the final uptime, [Missing]
// where too few reported, and Reports[i] is how many values its column held.
type Result struct {
	Mixnodes []MixID  // strictly ascending, at least one
	Values   []Uptime // as many as Mixnodes
	Reports  []uint16 // as many as Mixnodes
}

// Validate returns nil for a result that keeps the rules of its fields, else an error that wraps
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
