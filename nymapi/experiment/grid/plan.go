package grid

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
)

// Plan is what an experiment plays: each cell with each seed. A run is one of these. Runs are
// numbered from 0 by seed and then by cell, so that those of a seed are played together and share
// its worlds.
type Plan struct {
	version   string
	inputs    []string
	cells     []planned
	firstSeed uint64
	seeds     int
}

// planned is a cell with the function that plays it.
type planned struct {
	experiment.Cell
	kind kind
	play func(experiment.Cell, uint64) ([]experiment.Outcome, error)
}

// Runs returns the number of runs.
func (p *Plan) Runs() int { return len(p.cells) * p.seeds }

// of returns the cell and the seed of a run.
func (p *Plan) of(run int) (planned, uint64) {
	return p.cells[run%len(p.cells)], p.firstSeed + uint64(run/len(p.cells))
}

// play plays a run.
func (p *Plan) play(run int) (record, error) {
	cell, seed := p.of(run)
	outcomes, err := cell.play(cell.Cell, seed)
	if err != nil {
		return record{}, fmt.Errorf("play %s with seed %d: %w", cell, seed, err)
	}
	return newRecord(run, outcomes), nil
}

// String describes the size of the plan.
func (p *Plan) String() string {
	least, most := p.cells[0].Epochs, p.cells[0].Epochs
	for _, c := range p.cells {
		least, most = min(least, c.Epochs), max(most, c.Epochs)
	}
	epochs := fmt.Sprint(least)
	if least < most {
		epochs = fmt.Sprintf("%d to %d", least, most)
	}
	return fmt.Sprintf("%d cells x %d seeds = %d runs of %s epochs, on %d cores", len(p.cells), p.seeds, p.Runs(), epochs, runtime.GOMAXPROCS(0))
}

// configuration is what results depend on. A folder has the results of one configuration.
type configuration struct {
	Format    int    `json:"format"` // of the journal
	Version   string `json:"version"`
	Rules     string `json:"rules"` // estimators with their versions
	Measures  string `json:"measures"`
	Inputs    string `json:"inputs"`
	Cells     int    `json:"cells"`
	Hash      string `json:"hash"` // of all cells with all their fields
	FirstSeed uint64 `json:"first_seed"`
	Seeds     int    `json:"seeds"`
}

// journalFormat is the format of journals. It changes when a program reads another one's wrongly.
const journalFormat = 1

func (p *Plan) configuration() configuration {
	hash := sha256.New()
	for _, c := range p.cells {
		fmt.Fprintf(hash, "%#v\n", c.Cell) // not its String, which leaves out fields
	}
	var rules, measures []string
	for _, e := range append(metrics.Estimators(), metrics.WeightedByHistory()) {
		rules = append(rules, fmt.Sprintf("%s/%d", e.Name(), e.Version()))
	}
	for _, m := range experiment.Measures() {
		measures = append(measures, m.Name)
	}
	return configuration{
		Format: journalFormat, Version: p.version, Rules: strings.Join(rules, " "), Measures: strings.Join(measures, " "),
		Inputs: strings.Join(p.inputs, " "), Cells: len(p.cells), Hash: hex.EncodeToString(hash.Sum(nil)), FirstSeed: p.firstSeed, Seeds: p.seeds,
	}
}

// differs says in words how the configuration of existing results differs from the one that is
// wanted, empty if it does not.
func (c configuration) differs(wanted configuration) string {
	switch {
	case c == wanted:
		return ""
	case c.Format != wanted.Format:
		return fmt.Sprintf("format %d, this program writes %d", c.Format, wanted.Format)
	case c.Version != wanted.Version:
		return fmt.Sprintf("of program version %s, this is %s", c.Version, wanted.Version)
	case c.Seeds != wanted.Seeds || c.FirstSeed != wanted.FirstSeed:
		return fmt.Sprintf("of %d seeds from %d, now %d from %d", c.Seeds, c.FirstSeed, wanted.Seeds, wanted.FirstSeed)
	case c.Cells != wanted.Cells:
		return fmt.Sprintf("of %d cells, now %d", c.Cells, wanted.Cells)
	case c.Hash != wanted.Hash:
		return "of other cells"
	case c.Inputs != wanted.Inputs:
		return "of another recording"
	}
	return "of other rules or measures"
}
