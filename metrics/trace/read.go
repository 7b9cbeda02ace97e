package trace

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/spreadsheet"
)

// Limits of a file. A cell takes one byte, so MaxCells also bounds the memory of a trace.
const (
	MaxMixnodes  = 100_000
	MaxObservers = 1_000
	MaxCells     = 1 << 29
)

// keyColumns is the number of columns before the mixnodes.
const keyColumns = 2

// Error says what is wrong with a file, and where it is wrong.
type Error struct {
	File   string
	Line   int    // from 1; 0 if the whole file is wrong
	Column int    // the field of the line, from 1; 0 if the whole line is wrong
	Name   string // of the column in the header, if it has one
	Reason string // what was found, what was expected, what to do
}

// Error returns file:line:column and the reason.
func (e *Error) Error() string {
	place := e.File
	if e.Line > 0 {
		place += ":" + strconv.Itoa(e.Line)
	}
	if e.Column > 0 {
		place += ":" + strconv.Itoa(e.Column)
	}
	if e.Name != "" {
		place += " (" + e.Name + ")"
	}
	return place + ": " + e.Reason
}

// Open reads the trace file at path. The error is an [*Error] or that of the file system.
func Open(path string) (*Trace, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open trace: %w", err)
	}
	defer file.Close()
	return Read(file, path)
}

// Read reads a trace from r. Errors call the file name. The error is an [*Error] or wraps that of
// r.
func Read(r io.Reader, name string) (*Trace, error) {
	return read(r, name, limits{mixnodes: MaxMixnodes, observers: MaxObservers, cells: MaxCells})
}

type limits struct{ mixnodes, observers, cells int }

// longestLine returns the length of a header with the maximum number of mixnodes, all with the
// longest names and an apostrophe before each. No other valid line is longer.
func (l limits) longestLine() int {
	return (l.mixnodes+keyColumns)*(metrics.MaxMixIDLength+2) + 2
}

// reader is the state while the lines are read.
type reader struct {
	limits limits
	trace  *Trace
	place  Error // File and Line of the current line
	header []string
	column []int // column[i] is the index in trace.Mixnodes of the i-th mixnode of the header
	known  map[string]int
	rows   int
}

func read(input io.Reader, name string, l limits) (*Trace, error) {
	r := &reader{limits: l, trace: &Trace{}, place: Error{File: name}, known: map[string]int{}}
	lines := spreadsheet.NewLines(input, l.longestLine())
	for lines.Next() {
		if r.place.Line = lines.Blank(); r.place.Line > 0 {
			return nil, r.fail(0, "the line is empty, and others follow: expected values; remove the line")
		}
		r.place.Line = lines.Number()
		if err := r.line(lines.Bytes()); err != nil {
			return nil, err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, spreadsheet.ErrTooLong):
		r.place.Line = lines.Number() + 1
		return nil, r.fail(0, "the line has more than %d bytes: expected at most %d mixnodes with names of at most %d bytes",
			l.longestLine(), l.mixnodes, metrics.MaxMixIDLength)
	case errors.Is(err, spreadsheet.ErrEncoding):
		return nil, r.fail(0, "%v", err)
	case err != nil:
		return nil, fmt.Errorf("read trace %s %w", name, err)
	}
	if r.rows == 0 {
		r.place.Line = 0
		return nil, r.fail(0, "no measurements: expected a header \"epoch,observer,<mixnode>,…\" and at least one line of values below it")
	}
	return r.trace, nil
}

func (r *reader) line(line []byte) error {
	if r.place.Line == 1 {
		return r.readHeader(line)
	}
	return r.readRow(line)
}

// fail returns an error about the current line. Column is from 1, or 0 for the whole line.
func (r *reader) fail(column int, format string, args ...any) error {
	e := r.place
	e.Column, e.Reason = column, fmt.Sprintf(format, args...)
	if column > 0 && column <= len(r.header) {
		e.Name = r.header[column-1]
	}
	return &e
}

func (r *reader) readHeader(line []byte) error {
	fields := bytes.Split(line, []byte(","))
	if len(fields) < keyColumns || string(fields[0]) != "epoch" || string(fields[1]) != "observer" || bytes.IndexByte(line, '\r') >= 0 {
		return r.fail(1, "the first line begins with %s: expected the header \"epoch,observer,<mixnode>,…\"; %s", quote(line), advice(line))
	}
	names := fields[keyColumns:]
	if len(names) == 0 || len(names) > r.limits.mixnodes {
		return r.fail(0, "%d mixnodes: expected 1 to %d after \"epoch,observer\"", len(names), r.limits.mixnodes)
	}
	header := []string{"epoch", "observer"}
	seen := make(map[metrics.MixID]int, len(names))
	for i, name := range names {
		name = spreadsheet.Text(name)
		if bytes.ContainsAny(name, `"'`) {
			return r.fail(keyColumns+i+1, "mixnode %s: expected a name without quotes; remove the quotes", quote(name))
		}
		id, err := metrics.ParseMixID(string(name))
		if err != nil {
			return r.fail(keyColumns+i+1, "%v; give the column the name of its mixnode", err)
		}
		if first, ok := seen[id]; ok {
			return r.fail(keyColumns+i+1, "mixnode %q is also column %d: expected each once; remove or rename one", id, first)
		}
		seen[id] = keyColumns + i + 1
		header = append(header, string(id))
		r.trace.Mixnodes = append(r.trace.Mixnodes, id)
	}
	r.header = header
	slices.Sort(r.trace.Mixnodes)
	r.column = make([]int, len(names))
	for index, id := range r.trace.Mixnodes {
		r.column[seen[id]-keyColumns-1] = index
	}
	return nil
}

func (r *reader) readRow(line []byte) error {
	fields := bytes.Count(line, []byte(",")) + 1
	if want := len(r.header); fields != want {
		return r.fail(0, "%d fields: expected %d as in the header, with nothing between two commas for a missing value", fields, want)
	}
	epochField, rest, _ := bytes.Cut(line, []byte(","))
	observerField, cells, _ := bytes.Cut(rest, []byte(","))
	epoch, err := r.readEpoch(epochField)
	if err != nil {
		return err
	}
	observer, err := r.readObserver(epoch, observerField)
	if err != nil {
		return err
	}
	r.rows++
	if r.rows > r.limits.cells/len(r.column) {
		return r.fail(0, "more than %d cells: split the file by epochs", r.limits.cells)
	}
	row, err := r.readCells(cells)
	if err != nil {
		return err
	}
	rows := r.trace.cells[epoch]
	for len(rows) <= observer {
		rows = append(rows, nil)
	}
	rows[observer] = row
	r.trace.cells[epoch] = rows
	return nil
}

// readEpoch returns the index of the epoch of the current line.
func (r *reader) readEpoch(field []byte) (int, error) {
	whole := withoutZeroFraction(field)
	number, err := strconv.ParseInt(string(whole), 10, 64)
	if err != nil || number < 0 || strconv.FormatInt(number, 10) != string(whole) {
		return 0, r.fail(1, "epoch %s: expected a whole number such as 1", quote(field))
	}
	last := len(r.trace.Epochs) - 1
	switch {
	case last >= 0 && number == r.trace.Epochs[last]:
		return last, nil
	case last >= 0 && number < r.trace.Epochs[last]:
		return 0, r.fail(1, "epoch %d comes after epoch %d: expected ascending epochs; sort the lines by epoch", number, r.trace.Epochs[last])
	}
	r.trace.Epochs = append(r.trace.Epochs, number)
	r.trace.cells = append(r.trace.cells, make([][]uint8, 0, len(r.trace.Observers)))
	return last + 1, nil
}

// readObserver returns the index of the observer of the current line. A second line of an observer
// in one epoch is an error.
func (r *reader) readObserver(epoch int, field []byte) (int, error) {
	field = spreadsheet.Text(field)
	if index, ok := r.known[string(field)]; ok {
		if rows := r.trace.cells[epoch]; index < len(rows) && rows[index] != nil {
			return 0, r.fail(2, "a second line of observer %s in epoch %d: expected one; remove or merge them", quote(field), r.trace.Epochs[epoch])
		}
		return index, nil
	}
	if _, err := metrics.ParseMixID(string(field)); err != nil {
		return 0, r.fail(2, "observer %s: expected 1 to %d bytes of printable ASCII without spaces, commas, semicolons and quotes", quote(field), metrics.MaxMixIDLength)
	}
	index := len(r.trace.Observers)
	if index == r.limits.observers {
		return 0, r.fail(2, "observer %s is number %d: expected at most %d", quote(field), index+1, r.limits.observers)
	}
	r.trace.Observers = append(r.trace.Observers, string(field))
	r.known[string(field)] = index
	return index, nil
}

// readCells returns the values of a line in the order of trace.Mixnodes. The line must have the
// right number of fields.
func (r *reader) readCells(cells []byte) ([]uint8, error) {
	row := make([]uint8, len(r.column))
	for i, index := range r.column {
		field, rest, _ := bytes.Cut(cells, []byte(","))
		cells = rest
		value, ok := parseCell(field)
		if !ok {
			return nil, r.fail(keyColumns+i+1, "value %s: expected a whole percentage from 0 to 100, or nothing for a missing value", quote(field))
		}
		row[index] = value
	}
	return row, nil
}

// parseCell parses 0..100 in its shortest form, perhaps with a fraction of zeros, or an empty cell.
func parseCell(field []byte) (uint8, bool) {
	if len(field) == 0 {
		return missing, true
	}
	field = withoutZeroFraction(field)
	if len(field) == 0 || len(field) > 3 || field[0] == '0' && len(field) > 1 {
		return 0, false
	}
	value := 0
	for _, digit := range field {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		value = value*10 + int(digit-'0')
	}
	return uint8(min(value, 255)), value <= metrics.MaxValue
}

// withoutZeroFraction returns 100 for 100.0: programs write a column with missing values as
// fractions. Any other field is returned as it is.
func withoutZeroFraction(field []byte) []byte {
	whole, fraction, found := bytes.Cut(field, []byte("."))
	if !found || len(fraction) == 0 || len(bytes.Trim(fraction, "0")) > 0 {
		return field
	}
	return whole
}

// advice says what to do about a first line that is not the header of a trace.
func advice(line []byte) string {
	switch {
	case bytes.HasPrefix(line, []byte("epoch;")), bytes.HasPrefix(line, []byte("epoch\t")):
		return "the fields are not separated by commas; export the table with commas"
	case bytes.HasPrefix(line, []byte(`"epoch"`)), bytes.HasPrefix(line, []byte(`'epoch'`)):
		return "export the table without quotes"
	case bytes.HasPrefix(line, []byte("sep=")):
		return "remove the line"
	case bytes.IndexByte(line, '\r') >= 0:
		return "the lines end in CR alone; save the file with LF or CRLF"
	}
	return "is this a trace file?"
}

// quote returns the beginning of a field in quotes.
func quote(field []byte) string { return spreadsheet.Quote(field) }
