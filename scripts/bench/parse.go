package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A benchmark is what `go test` said about one benchmark over all its runs.
type benchmark struct {
	pkg, name string
	units     []string             // in the order of their first appearance
	values    map[string][]float64 // by unit, one per run
}

// errNothing says that the pattern matched no benchmark.
var errNothing = errors.New("no benchmark matched")

// processors is the suffix -8 that `go test` appends to a benchmark's name.
var processors = regexp.MustCompile(`-\d+$`)

// parse reads the output of `go test -bench`, in the format of
// golang.org/design/14313-benchmark-format.
func parse(r io.Reader) ([]*benchmark, error) {
	var (
		all []*benchmark
		pkg string
	)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if p, ok := strings.CutPrefix(lines.Text(), "pkg: "); ok {
			pkg = strings.TrimSpace(p)
			continue
		}
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || len(fields)%2 != 0 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := processors.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")
		i := slices.IndexFunc(all, func(b *benchmark) bool { return b.pkg == pkg && b.name == name })
		if i < 0 {
			i = len(all)
			all = append(all, &benchmark{pkg: pkg, name: name, values: map[string][]float64{}})
		}
		if err := all[i].add(fields[2:]); err != nil {
			return nil, fmt.Errorf("%q: %w", lines.Text(), err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the output of go test: %w", err)
	}
	if len(all) == 0 {
		return nil, errNothing
	}
	return all, nil
}

// add takes the value-unit pairs of one run.
func (b *benchmark) add(pairs []string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		value, err := strconv.ParseFloat(pairs[i], 64)
		if err != nil {
			return err
		}
		unit := pairs[i+1]
		if _, known := b.values[unit]; !known {
			b.units = append(b.units, unit)
		}
		b.values[unit] = append(b.values[unit], value)
	}
	return nil
}

// median returns the middle value, of an even number the mean of the middle two. It reorders
// values.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// figure writes a value with four digits, durations in the unit that suits them.
func figure(value float64, unit string) string {
	if unit == "ns/op" {
		scales := []string{"ns/op", "µs/op", "ms/op", "s/op"}
		i := 0
		for ; value >= 1000 && i+1 < len(scales); i++ {
			value /= 1000
		}
		unit = scales[i]
	}
	decimals := 3
	if value != 0 {
		decimals = max(0, 3-int(math.Floor(math.Log10(math.Abs(value)))))
	}
	text := strconv.FormatFloat(value, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + " " + unit
}

// write prints one line per benchmark under its package's name.
func write(w io.Writer, all []*benchmark) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	pkg := ""
	for _, b := range all {
		if b.pkg != pkg {
			pkg = b.pkg
			if err := table.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(w, "\n%s\n", pkg)
		}
		cells := []string{b.name}
		for _, unit := range b.units {
			cells = append(cells, figure(median(b.values[unit]), unit))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t")+"\t")
	}
	return table.Flush()
}
