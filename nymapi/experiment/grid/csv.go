package grid

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/records"
)

// WriteResults writes all results into a CSV file in the folder, and returns its path. The file is
// whole or not there.
func (j *Journal) WriteResults() (string, error) {
	path := filepath.Join(j.folder, records.File)
	var content bytes.Buffer
	err := records.Write(&content, j.Results())
	if err == nil {
		err = files.Replace(path, 0o644, content.Bytes())
	}
	if err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	return path, nil
}

// Results returns the results of all runs that have some, by section, cell, seed and way.
func (j *Journal) Results() []records.Record {
	var all []records.Record
	cells := len(j.plan.cells)
	for i := range cells {
		for run := i; run < j.plan.Runs(); run += cells {
			cell, seed := j.plan.of(run)
			for _, way := range j.records[run].Ways {
				name, values := parseWay(way)
				all = append(all, records.Record{Cell: records.Identity(cell.Cell), Seed: seed, Way: name, Values: values})
			}
		}
	}
	return all
}

// wayText returns an outcome as the journal has it: the name, then the value of each measure, empty
// if it is not measured, separated by commas.
func wayText(o experiment.Outcome) string {
	var text strings.Builder
	text.WriteString(o.Way)
	for _, m := range experiment.Measures() {
		text.WriteByte(',')
		if v := m.Value(o.Figures); !math.IsNaN(v) && !math.IsInf(v, 0) {
			text.WriteString(strconv.FormatFloat(v, 'g', digits, 64))
		}
	}
	return text.String()
}

// digits of a value, more than the file has.
const digits = 10

// parseWay is the inverse of wayText, for text that it made.
func parseWay(text string) (name string, values []float64) {
	name, rest, _ := strings.Cut(text, ",")
	for field := range strings.SplitSeq(rest, ",") {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			v = math.NaN()
		}
		values = append(values, v)
	}
	return name, values
}
