package grid

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
)

// ErrChoice reports a choice that selects nothing or does not exist. The error names the flag of
// `nymapi experiment`.
var ErrChoice = errors.New("bad choice")

// Choice selects cells and seeds. Empty lists select all.
type Choice struct {
	Sections   []string
	N          []int
	Lies       []string // experiment.Honest selects the cells without liars
	Missing    []float64
	Estimators []string // by which groups decide
	Epochs     int      // in cells in which the number is not varied, 0 for the default

	FirstSeed uint64
	Seeds     int
	Quick     bool // only few cells of each section, with fewer epochs
}

// Bounds of a choice.
const (
	MaxSeeds  = 10_000
	MaxEpochs = 10_000

	quickCells  = 5
	quickEpochs = 20
)

// Plan returns the chosen cells of these sections. The version is that of the program. The inputs
// identify the content of files that the sections play.
func (c Choice) Plan(sections []experiment.Section, version string, inputs ...string) (*Plan, error) {
	if err := c.check(sections); err != nil {
		return nil, err
	}
	p := &Plan{version: version, inputs: inputs, firstSeed: c.FirstSeed, seeds: c.Seeds}
	for i, s := range sections {
		if len(c.Sections) > 0 && !slices.Contains(c.Sections, s.Name) {
			continue
		}
		for _, cell := range c.cells(s) {
			p.cells = append(p.cells, planned{Cell: cell, kind: kindOf(i, cell), play: s.Play})
		}
	}
	if len(p.cells) == 0 {
		return nil, fmt.Errorf("%w: no cell has all of --section, --n, --lie and --missing: remove one of them", ErrChoice)
	}
	return p, nil
}

// cells returns the chosen cells of a section.
func (c Choice) cells(s experiment.Section) []experiment.Cell {
	var chosen []experiment.Cell
	for _, cell := range s.Cells() {
		if selects(c.N, cell.N) && selects(c.Lies, cell.Lie) && selects(c.Missing, cell.Missing) {
			chosen = append(chosen, cell)
		}
	}
	if c.Quick {
		chosen = quick(s, chosen)
	}
	for i := range chosen {
		chosen[i].Estimators = strings.Join(c.Estimators, " ")
		if chosen[i].Epochs == experiment.DefaultEpochs {
			chosen[i].Epochs = c.epochs()
		}
	}
	return chosen
}

func (c Choice) epochs() int {
	switch {
	case c.Epochs > 0:
		return c.Epochs
	case c.Quick:
		return quickEpochs
	}
	return experiment.DefaultEpochs
}

// quick returns the cells that the section names for a quick run, or a few at equal distances.
func quick(s experiment.Section, cells []experiment.Cell) []experiment.Cell {
	if s.Quick != nil {
		return slices.DeleteFunc(cells, func(c experiment.Cell) bool { return !s.Quick(c) })
	}
	if len(cells) <= quickCells {
		return cells
	}
	few := make([]experiment.Cell, quickCells)
	for i := range few {
		few[i] = cells[i*(len(cells)-1)/(quickCells-1)]
	}
	return few
}

func selects[T comparable](list []T, value T) bool {
	return len(list) == 0 || slices.Contains(list, value)
}

// check reports a value that no section has.
func (c Choice) check(sections []experiment.Section) error {
	switch {
	case c.Seeds < 1 || c.Seeds > MaxSeeds:
		return fmt.Errorf("%w: --seeds %d: expected 1 to %d; give --seeds 20", ErrChoice, c.Seeds, MaxSeeds)
	case c.FirstSeed+uint64(c.Seeds) < c.FirstSeed:
		return fmt.Errorf("%w: --first-seed %d: expected a smaller number", ErrChoice, c.FirstSeed)
	case c.Epochs < 0 || c.Epochs > MaxEpochs:
		return fmt.Errorf("%w: --epochs %d: expected 1 to %d, or 0 for the default of %d", ErrChoice, c.Epochs, MaxEpochs, experiment.DefaultEpochs)
	}
	names := make([]string, len(sections))
	var cells []experiment.Cell
	for i, s := range sections {
		names[i], cells = s.Name, append(cells, s.Cells()...)
	}
	for i, name := range c.Estimators {
		if slices.Contains(c.Estimators[:i], name) {
			return fmt.Errorf("%w: --estimator %s: given twice, expected each once", ErrChoice, name)
		}
		if _, err := metrics.ParseEstimator(name); err != nil {
			return fmt.Errorf("%w: --estimator: %w", ErrChoice, err)
		}
	}
	return errors.Join(
		known("section", c.Sections, names, func(s string) string { return s }),
		known("n", c.N, values(cells, func(c experiment.Cell) int { return c.N }), strconv.Itoa),
		known("lie", c.Lies, values(cells, func(c experiment.Cell) string { return c.Lie }), func(s string) string { return s }),
		known("missing", c.Missing, values(cells, func(c experiment.Cell) float64 { return c.Missing }), share),
	)
}

func share(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// values returns each value of the cells once, in the order of the cells.
func values[T comparable](cells []experiment.Cell, of func(experiment.Cell) T) []T {
	var all []T
	for _, c := range cells {
		if v := of(c); !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

// known returns an error if something is chosen twice or does not exist.
func known[T comparable](flag string, chosen, all []T, text func(T) string) error {
	for i, v := range chosen {
		if slices.Contains(chosen[:i], v) {
			return fmt.Errorf("%w: --%s %s: given twice, expected each once", ErrChoice, flag, text(v))
		}
		if !slices.Contains(all, v) {
			texts := make([]string, len(all))
			for k, other := range all {
				texts[k] = text(other)
			}
			return fmt.Errorf("%w: --%s %s: expected some of %s, separated by commas", ErrChoice, flag, text(v), strings.Join(texts, ","))
		}
	}
	return nil
}
