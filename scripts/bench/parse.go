package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchunit"
)

// A benchmark is what `go test` printed about one benchmark in all its runs.
type benchmark struct {
	pkg, name string
	units     []string             // in the order of their first appearance
	values    map[string][]float64 // by unit, one per run
}

// errNothing reports that the pattern matched no benchmark.
var errNothing = errors.New("no benchmark matched")

// parse reads the output of `go test -bench`. Lines that cannot be read are errors, and the results
// of the others are still returned.
func parse(r io.Reader) ([]*benchmark, error) {
	var all []*benchmark
	var broken []error
	reader := benchfmt.NewReader(r, "go test")
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			broken = append(broken, record)
		case *benchfmt.Result:
			all = add(all, record)
		}
	}
	if err := reader.Err(); err != nil {
		broken = append(broken, fmt.Errorf("read the output of go test: %w", err))
	}
	if len(all) == 0 && len(broken) == 0 {
		broken = append(broken, errNothing)
	}
	return all, errors.Join(broken...)
}

// add adds the result of one run.
func add(all []*benchmark, run *benchfmt.Result) []*benchmark {
	pkg, name := run.GetConfig("pkg"), nameOf(run.Name)
	i := slices.IndexFunc(all, func(b *benchmark) bool { return b.pkg == pkg && b.name == name })
	if i < 0 {
		i = len(all)
		all = append(all, &benchmark{pkg: pkg, name: name, values: map[string][]float64{}})
	}
	b := all[i]
	for _, v := range run.Values {
		if _, known := b.values[v.Unit]; !known {
			b.units = append(b.units, v.Unit)
		}
		b.values[v.Unit] = append(b.values[v.Unit], v.Value)
	}
	return all
}

// nameOf returns a benchmark's name without the suffix -8, the number of processors.
func nameOf(name benchfmt.Name) string {
	_, parts := name.Parts()
	full := name.String()
	if n := len(parts); n > 0 && parts[n-1][0] == '-' {
		full = strings.TrimSuffix(full, string(parts[n-1]))
	}
	return full
}

// figure returns the median of some values with its unit, as benchstat writes it: 20.50n sec/op.
func figure(values []float64, unit string) string {
	const confidence = 0.95 // of the interval around the median, which is not printed
	median := benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), confidence).Center
	return benchunit.Scale(median, benchunit.ClassOf(unit)) + " " + unit
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
			cells = append(cells, figure(b.values[unit], unit))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t")+"\t")
	}
	return table.Flush()
}
