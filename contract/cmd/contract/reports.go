package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/spreadsheet"
)

// reportsView is the matrix of one epoch: a line for each mixnode, a value for each Nym-API.
type reportsView struct {
	Database string         `json:"database"`
	Epoch    contract.Epoch `json:"epoch"`
	NymAPIs  []string       `json:"nymapis"` // in the order of their numbers
	Lines    []reportLine   `json:"mixnodes"`
	// Coverage counts all mixnodes of the epoch. Submissions have verified; they would have paid a
	// mixnode amounts that are at most SubmittedSpread apart.
	Coverage        contract.Coverage `json:"coverage"`
	Submissions     int               `json:"submissions"`
	SubmittedSpread float64           `json:"submitted_spread"`
}

type reportLine struct {
	contract.Reward
	Percent []*float64 `json:"percent"` // as many as Nym-APIs, null for no value
}

func (v *view) reports(ctx context.Context) (*reportsView, error) {
	detail, err := v.selected(ctx)
	if err != nil {
		return nil, err
	}
	matrix, err := v.Matrix(ctx, detail.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) { // it is not rewarded
		return nil, err
	}
	r := &reportsView{
		Database: v.path, Epoch: detail.ID, NymAPIs: []string{}, Lines: []reportLine{},
		Coverage: matrix.Coverage, Submissions: matrix.Submissions, SubmittedSpread: matrix.SubmittedSpread,
	}
	for _, row := range matrix.Rows {
		r.NymAPIs = append(r.NymAPIs, row.NymAPI)
	}
	for i, reward := range detail.Result {
		if v.flags.mixnode != "" && string(reward.Mixnode) != v.flags.mixnode {
			continue
		}
		line := reportLine{Reward: reward, Percent: make([]*float64, len(matrix.Rows))}
		for j, row := range matrix.Rows {
			line.Percent[j] = row.Percent[i]
		}
		r.Lines = append(r.Lines, line)
	}
	return r, nil
}

// wholePercent is the number of Nym-APIs from which the table shows whole percents, to fit.
const wholePercent = 7

func decimals(nymAPIs int) int {
	if nymAPIs >= wholePercent {
		return 0
	}
	return 2
}

// numbered writes which Nym-API each column of a table is about, and returns the header of these
// columns after that of the first one.
func numbered(out *strings.Builder, first string, names []string) []any {
	header := []any{first}
	for i, name := range names {
		header = append(header, i+1)
		fmt.Fprintf(out, "  %d is %s\n", i+1, name)
	}
	return header
}

func (r *reportsView) table() string {
	var out strings.Builder
	writeTitle(&out, r.Database, fmt.Sprintf("what was reported in epoch %d, percent", r.Epoch))
	if len(r.NymAPIs) == 0 {
		fmt.Fprintln(&out, "no reports: the epoch is not rewarded, or was rewarded without Ephemera")
		return out.String()
	}
	header := numbered(&out, "mixnode", r.NymAPIs)
	w := newTable(&out, append(header, "paid", "from")...)
	w.Style().Options.SeparateColumns = false
	for _, line := range r.Lines {
		row := table.Row{line.Mixnode}
		for _, percent := range line.Percent {
			row = append(row, percentText(percent, decimals(len(r.NymAPIs))))
		}
		w.AppendRow(append(row, line.Value.String(), fromText(line.CarriedFrom)))
	}
	w.Render()
	c := r.Coverage
	fmt.Fprintf(&out, "%d mixnodes: %d with a new value, %d with an old one, %d unpaid\n", c.Cells, c.Fresh, c.Carried, c.Unpaid)
	fmt.Fprintf(&out, "submissions that verified: %d; what they pay is at most %.2f points apart\n", r.Submissions, r.SubmittedSpread)
	return out.String()
}

func percentText(percent *float64, decimals int) string {
	if percent == nil {
		return "–"
	}
	return strconv.FormatFloat(*percent, 'f', decimals, 64)
}

// fromText returns the epoch that an old value is from, empty for a new one.
func fromText(from contract.Epoch) string {
	if from == 0 {
		return ""
	}
	return from.String()
}

func csvPercent(percent *float64) string {
	if percent == nil {
		return ""
	}
	return percentText(percent, 2)
}

func writeLines(w *spreadsheet.Writer, lines [][]string) error {
	for _, line := range lines {
		if err := w.Write(line...); err != nil {
			return err
		}
	}
	return w.Flush()
}

func (r *reportsView) csv(out io.Writer) error {
	lines := [][]string{{"epoch", "nymapi", "mixnode", "percent", "paid", "carried_from"}}
	for _, line := range r.Lines {
		for i, percent := range line.Percent {
			lines = append(lines, []string{r.Epoch.String(), r.NymAPIs[i], string(line.Mixnode), csvPercent(percent), line.Value.String(), fromText(line.CarriedFrom)})
		}
	}
	return writeLines(spreadsheet.NewWriter(out), lines)
}

// reportersView is how far each Nym-API was from the results, and who was caught.
type reportersView struct {
	Database string `json:"database"`
	contract.Reporters
}

func (v *view) reporters(ctx context.Context) (*reportersView, error) {
	r := &reportersView{Database: v.path}
	var err error
	if r.Reporters.Reporters, err = v.ReporterTotals(ctx); err != nil {
		return nil, err
	}
	r.Caught, err = v.Caught(ctx, 0)
	return r, err
}

func (r *reportersView) table() string {
	var out strings.Builder
	writeTitle(&out, r.Database, "distance of reports from the results, points")
	w := newTable(&out, "member", "epochs", "values", "missing", "mean", "RMS", "deviation", "caught")
	for _, t := range r.Reporters.Reporters {
		w.AppendRow(table.Row{t.NymAPI, t.Epochs, t.Cells, t.Missing, pointsOf(t.Mean), pointsOf(t.RMS), t.Deviation, t.Caught})
	}
	w.Render()
	fmt.Fprintf(&out, "deviation: running mean of squared distances from the median, from which wmedian\nweighs reporters, 0 to %d\n", metrics.MaxDeviation)
	writeCaught(&out, r.Caught)
	return out.String()
}

// writeCaught writes a sentence about each Nym-API that was caught.
func writeCaught(out *strings.Builder, caught []contract.Caught) {
	for _, c := range caught {
		writeText(out, "caught: %s", c.Text)
	}
}

func pointsOf(v *float64) string {
	if v == nil {
		return ""
	}
	return points(*v)
}

func (r *reportersView) csv(out io.Writer) error {
	lines := [][]string{{"nymapi", "epochs", "values", "missing", "mean_distance", "rms_distance", "v", "caught"}}
	for _, t := range r.Reporters.Reporters {
		lines = append(lines, []string{
			t.NymAPI, strconv.Itoa(t.Epochs), strconv.Itoa(t.Cells), strconv.Itoa(t.Missing), pointsOf(t.Mean), pointsOf(t.RMS),
			strconv.FormatInt(t.Deviation, 10), strconv.Itoa(t.Caught),
		})
	}
	return writeLines(spreadsheet.NewWriter(out), lines)
}
