package records

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
)

// ErrFormat reports a file that is not one of results.
var ErrFormat = errors.New("not results of this version of nymapi experiment")

// maxName bounds the length of names.
const maxName = 64

// Read reads a file that [Write] wrote. It takes nothing else: other columns, names that a table or
// a page would have to escape, numbers that are none, and a line twice are errors, which wrap
// [ErrFormat] and name the line.
func Read(r io.Reader) ([]Record, error) {
	lines := csv.NewReader(r)
	lines.ReuseRecord = true
	header, err := lines.Read()
	if err != nil {
		return nil, fmt.Errorf("read results: %w: line 1: %w", ErrFormat, err)
	}
	columns, err := columnsOf(header)
	if err != nil {
		return nil, fmt.Errorf("read results: %w: line 1: %w (run the experiment again)", ErrFormat, err)
	}
	var records []Record
	seen := map[key]bool{}
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read results: %w: %w", ErrFormat, err)
		}
		number, _ := lines.FieldPos(0)
		record, err := columns.parse(fields)
		if err == nil && seen[record.key()] {
			err = fmt.Errorf("cell, seed %d and way %q are there twice", record.Seed, record.Way)
		}
		if err != nil {
			return nil, fmt.Errorf("read results: %w: line %d: %w", ErrFormat, number, err)
		}
		seen[record.key()] = true
		records = append(records, record)
	}
}

// columns are those of a file: for each of its measures the position in experiment.Measures.
type columns struct {
	names    []string
	measures []int
}

// columnsOf returns the columns that a header names: the parameters, then measures in their order.
func columnsOf(header []string) (columns, error) {
	first := len(parameters())
	if len(header) < first || !slices.Equal(header[:first], parameters()) {
		return columns{}, fmt.Errorf("the columns are %q, expected %q and measures", strings.Join(header, ","), strings.Join(parameters(), ","))
	}
	c := columns{names: slices.Clone(header)}
	for _, name := range header[first:] {
		i := index(name)
		if i < 0 || len(c.measures) > 0 && i <= c.measures[len(c.measures)-1] {
			return columns{}, fmt.Errorf("column %q is not a measure, or not in its place", name)
		}
		c.measures = append(c.measures, i)
	}
	return c, nil
}

// key is what identifies a line.
type key struct {
	cell experiment.Cell
	seed uint64
	way  string
}

func (r Record) key() key { return key{r.Cell, r.Seed, r.Way} }

// parse parses the fields of a line, as many as there are columns.
func (c columns) parse(fields []string) (Record, error) {
	p := parser{names: c.names, fields: fields}
	r := Record{Cell: experiment.Cell{
		Section: p.name(0, false), N: p.count(1, 1), Liars: p.count(2, 0), Lie: p.name(3, false),
		Missing: p.number(4), Factor: p.name(5, true), Level: p.name(6, true),
	}}
	r.Seed, r.Way = p.seed(7), p.name(8, false)
	if p.err == nil && !(r.Missing >= 0 && r.Missing <= 1) {
		p.fail(4, "a share from 0 to 1")
	}
	if p.err == nil && r.Liars > r.N {
		p.fail(2, "at most n")
	}
	for range experiment.Measures() {
		r.Values = append(r.Values, math.NaN())
	}
	for i, at := range c.measures {
		r.Values[at] = p.number(len(parameters()) + i)
	}
	return r, p.err
}

// parser parses fields and remembers the first error.
type parser struct {
	names, fields []string
	err           error
}

func (p *parser) fail(column int, want string) {
	if p.err == nil {
		p.err = fmt.Errorf("column %s: %q: expected %s", p.names[column], p.fields[column], want)
	}
}

// name returns a copy of a name of letters, digits and a few signs that no output needs to escape.
func (p *parser) name(column int, empty bool) string {
	text := p.fields[column]
	if text == "" && !empty || len(text) > maxName || strings.ContainsFunc(text, unsafe) {
		p.fail(column, "a name of letters, digits, spaces and .-_%/:()+")
	}
	return strings.Clone(text)
}

func unsafe(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && !strings.ContainsRune(" .-_%/:()+", r)
}

// mostNymAPIs bounds the size of groups, like the protocol.
const mostNymAPIs = 100

func (p *parser) count(column, least int) int {
	n, err := strconv.Atoi(p.fields[column])
	if err != nil || n < least || n > mostNymAPIs || strconv.Itoa(n) != p.fields[column] {
		p.fail(column, fmt.Sprintf("a number from %d to %d", least, mostNymAPIs))
	}
	return n
}

func (p *parser) seed(column int) uint64 {
	n, err := strconv.ParseUint(p.fields[column], 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != p.fields[column] {
		p.fail(column, "a seed")
	}
	return n
}

// number returns a finite number, NaN if the field is empty.
func (p *parser) number(column int) float64 {
	text := p.fields[column]
	if text == "" {
		return math.NaN()
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		p.fail(column, "a finite number, or nothing")
	}
	return v
}
