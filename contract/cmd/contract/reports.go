package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// reportsView is the matrix of one epoch: a line for each mixnode, a value for each Nym-API.
type reportsView struct {
	Database string         `json:"database"`
	Epoch    contract.Epoch `json:"epoch"`
	NymAPIs  []string       `json:"nymapis"` // in the order of their numbers
	Lines    []reportLine   `json:"mixnodes"`
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
	reports, err := v.Reports(ctx, detail.ID)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(reports, func(a, b store.Report) int {
		return contract.CompareNames(nameOf(a.Name, a.Key), nameOf(b.Name, b.Key))
	})
	r := &reportsView{Database: v.path, Epoch: detail.ID, NymAPIs: []string{}, Lines: []reportLine{}}
	for _, report := range reports {
		r.NymAPIs = append(r.NymAPIs, nameOf(report.Name, report.Key))
		if len(report.Percent) != len(detail.Result) {
			return nil, fmt.Errorf("epoch %d: the report of %s has %d values, expected %d: contract audit says what does not fit",
				detail.ID, nameOf(report.Name, report.Key), len(report.Percent), len(detail.Result))
		}
	}
	for i, reward := range detail.Result {
		if v.flags.mixnode != "" && string(reward.Mixnode) != v.flags.mixnode {
			continue
		}
		line := reportLine{Reward: reward, Percent: make([]*float64, len(reports))}
		for j, report := range reports {
			line.Percent[j] = report.Percent[i]
		}
		r.Lines = append(r.Lines, line)
	}
	return r, nil
}

// wholePercent is the number of Nym-APIs from which the table shows whole percents, to fit.
const wholePercent = 8

func (r *reportsView) table() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: what was reported in epoch %d, percent\n", r.Database, r.Epoch)
	if len(r.NymAPIs) == 0 {
		fmt.Fprintln(&out, "no reports: the epoch is not rewarded, or was rewarded without Ephemera")
		return out.String()
	}
	decimals := 2
	if len(r.NymAPIs) >= wholePercent {
		decimals = 0
	}
	header := []any{"mixnode"}
	for i, name := range r.NymAPIs {
		header = append(header, i+1)
		fmt.Fprintf(&out, "  %d is %s\n", i+1, name)
	}
	w := newTable(&out, append(header, "paid", "from")...)
	w.Style().Options.SeparateColumns = false
	for _, line := range r.Lines {
		row := table.Row{line.Mixnode}
		for _, percent := range line.Percent {
			row = append(row, percentText(percent, decimals))
		}
		from := ""
		if line.CarriedFrom != 0 {
			from = line.CarriedFrom.String()
		}
		w.AppendRow(append(row, line.Value.String(), from))
	}
	w.Render()
	return out.String()
}

func percentText(percent *float64, decimals int) string {
	if percent == nil {
		return "–"
	}
	return strconv.FormatFloat(*percent, 'f', decimals, 64)
}

func (r *reportsView) csv(out io.Writer) error {
	w := csv.NewWriter(out)
	// Errors of writing are in w.Error.
	_ = w.Write([]string{"epoch", "nymapi", "mixnode", "percent", "paid", "carried_from"})
	for _, line := range r.Lines {
		for i, percent := range line.Percent {
			reported, from := "", ""
			if percent != nil {
				reported = percentText(percent, 2)
			}
			if line.CarriedFrom != 0 {
				from = line.CarriedFrom.String()
			}
			_ = w.Write([]string{r.Epoch.String(), r.NymAPIs[i], string(line.Mixnode), reported, line.Value.String(), from})
		}
	}
	w.Flush()
	return w.Error()
}

// reportersView is how far each Nym-API was from the results.
type reportersView struct {
	Database  string                `json:"database"`
	Reporters []store.ReporterTotal `json:"reporters"`
}

func (v *view) reporters(ctx context.Context) (*reportersView, error) {
	totals, err := v.ReporterTotals(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(totals, func(a, b store.ReporterTotal) int { return contract.CompareNames(a.Name, b.Name) })
	return &reportersView{Database: v.path, Reporters: totals}, nil
}

func (r *reportersView) table() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: distance of reports from the results, points\n", r.Database)
	w := newTable(&out, "member", "epochs", "values", "missing", "mean", "RMS", "deviation")
	for _, t := range r.Reporters {
		w.AppendRow(table.Row{t.Name, t.Epochs, t.Cells, t.Missing, pointsOf(t.Mean), pointsOf(t.RMS), t.Deviation})
	}
	w.Render()
	fmt.Fprintf(&out, "deviation: running mean of squared distances from the median, from which wmedian\nweighs reporters, 0 to %d\n", metrics.MaxDeviation)
	return out.String()
}

func pointsOf(v *float64) string {
	if v == nil {
		return ""
	}
	return points(*v)
}

func (r *reportersView) csv(out io.Writer) error {
	w := csv.NewWriter(out)
	// Errors of writing are in w.Error.
	_ = w.Write([]string{"nymapi", "epochs", "values", "missing", "mean_distance", "rms_distance", "v"})
	for _, t := range r.Reporters {
		_ = w.Write([]string{t.Name, strconv.Itoa(t.Epochs), strconv.Itoa(t.Cells), strconv.Itoa(t.Missing), pointsOf(t.Mean), pointsOf(t.RMS), strconv.FormatInt(t.Deviation, 10)})
	}
	w.Flush()
	return w.Error()
}
