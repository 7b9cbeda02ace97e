package grid

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/records"
)

// WriteResults writes all results into results.csv in the folder, and returns its path. Rows are
// ordered by section, cell, seed and way. The file is complete or not there.
func (j *Journal) WriteResults() (string, error) {
	path := filepath.Join(j.folder, ResultsFile)
	content, err := j.results()
	if err == nil {
		err = files.Replace(path, 0o644, content)
	}
	if err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	return path, nil
}

func (j *Journal) results() ([]byte, error) {
	var content bytes.Buffer
	w := csv.NewWriter(&content)
	if err := w.Write(records.Columns()); err != nil {
		return nil, err
	}
	cells := len(j.plan.cells)
	for i := range cells {
		for run := i; run < j.plan.Runs(); run += cells {
			cell, seed := j.plan.of(run)
			for _, way := range j.records[run].Ways {
				if err := w.Write(append(key(cell.Cell, seed), way...)); err != nil {
					return nil, err
				}
			}
		}
	}
	w.Flush()
	return content.Bytes(), w.Error()
}

// key returns the fields that identify a cell and a seed.
func key(c experiment.Cell, seed uint64) []string {
	return []string{
		c.Section, strconv.Itoa(c.N), strconv.Itoa(c.Liars), c.Lie, share(c.Missing), c.Factor, c.Level, strconv.FormatUint(seed, 10),
	}
}
