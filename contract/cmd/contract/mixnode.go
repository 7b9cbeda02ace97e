package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/spreadsheet"
)

// mixnodeView is what was reported about one mixnode, what each estimator would have paid, and what
// was paid.
type mixnodeView struct {
	Database string         `json:"database"`
	Mixnode  metrics.MixID  `json:"mixnode"`
	Epochs   []mixnodeEpoch `json:"epochs"` // oldest first
	Error    *metricsError  `json:"error,omitempty"`
}

type mixnodeEpoch struct {
	contract.MixnodeEpoch
	Truth *float64 `json:"truth,omitempty"`
}

// mixnodePage is how many epochs are read at once.
const mixnodePage = 100

func (v *view) mixnode(ctx context.Context) (*mixnodeView, error) {
	m := &mixnodeView{Database: v.path, Mixnode: metrics.MixID(v.flags.mixnode), Epochs: []mixnodeEpoch{}}
	left := v.flags.last // 0: all
	for from := contract.Epoch(0); ; {
		limit := mixnodePage
		if v.flags.last > 0 {
			limit = min(limit, left)
		}
		page, err := v.Mixnode(ctx, m.Mixnode, from, limit)
		if errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("mixnode %s is in no rewarded epoch of %s", m.Mixnode, v.path)
		}
		if err != nil {
			return nil, err
		}
		for _, e := range page.Epochs {
			m.Epochs = append(m.Epochs, mixnodeEpoch{MixnodeEpoch: e})
		}
		left -= len(page.Epochs)
		if from = page.Next; from == 0 || v.flags.last > 0 && left <= 0 {
			break
		}
	}
	slices.Reverse(m.Epochs)
	return m, v.addTruth(ctx, m)
}

// addTruth adds the truth of each epoch, if --seed is given.
func (v *view) addTruth(ctx context.Context, m *mixnodeView) error {
	if v.truth == nil {
		return nil
	}
	var sum errorSum
	for i := range m.Epochs {
		detail, err := v.Epoch(ctx, m.Epochs[i].Epoch)
		if err != nil {
			return err
		}
		truths, err := v.truth.of(detail)
		if err != nil {
			return err
		}
		for j, r := range detail.Result {
			if r.Mixnode == m.Mixnode {
				m.Epochs[i].Truth = &truths[j]
				sum.add(r.Value, truths[j])
			}
		}
	}
	m.Error = sum.result()
	return nil
}

// nymAPIs returns the names of all that reported, in the order of their numbers.
func (m *mixnodeView) nymAPIs() []string {
	var names []string
	for _, e := range m.Epochs {
		for _, r := range e.Reports {
			if !slices.Contains(names, r.NymAPI) {
				names = append(names, r.NymAPI)
			}
		}
	}
	slices.SortFunc(names, contract.CompareNames)
	return names
}

func (m *mixnodeView) table() string {
	var out strings.Builder
	writeTitle(&out, m.Database, fmt.Sprintf("mixnode %s, percent", m.Mixnode))
	m.reported(&out)
	m.estimated(&out)
	writeError(&out, m.Error)
	return out.String()
}

// reported writes who reported what, and what was paid.
func (m *mixnodeView) reported(out *strings.Builder) {
	names := m.nymAPIs()
	header := numbered(out, "epoch", names)
	w := newTable(out, append(header, "paid", "from")...)
	w.Style().Options.SeparateColumns = false
	for _, e := range m.Epochs {
		row := table.Row{e.Epoch}
		for _, name := range names {
			var percent *float64
			if i := slices.IndexFunc(e.Reports, func(r contract.Reported) bool { return r.NymAPI == name }); i >= 0 {
				percent = e.Reports[i].Percent
			}
			row = append(row, percentText(percent, decimals(len(names))))
		}
		w.AppendRow(append(row, percentText(e.Percent, 2), fromText(e.CarriedFrom)))
	}
	w.Render()
}

// estimated writes what the estimators would have paid.
func (m *mixnodeView) estimated(out *strings.Builder) {
	var header []any
	for _, e := range m.Epochs {
		if len(e.Estimates) == 0 || header != nil {
			continue
		}
		for _, estimate := range e.Estimates {
			header = append(header, estimate.Estimator)
		}
	}
	if header == nil && m.Error == nil {
		return
	}
	fmt.Fprintln(out, "what each estimator would have paid for these reports; – is an old value or none")
	estimators := len(header)
	header = append([]any{"epoch"}, header...)
	if m.Error != nil {
		header = append(header, "truth", "error")
	}
	w := newTable(out, header...)
	w.Style().Options.SeparateColumns = false
	for _, e := range m.Epochs {
		row := table.Row{e.Epoch}
		for i := range estimators {
			var percent *float64
			if i < len(e.Estimates) {
				percent = e.Estimates[i].Percent
			}
			row = append(row, percentText(percent, 2))
		}
		if m.Error != nil {
			row = append(row, percentText(e.Truth, 2), apart(e.Percent, e.Truth))
		}
		w.AppendRow(row)
	}
	w.Render()
}

// apart returns how far a payment is from the truth.
func apart(paid, truth *float64) string {
	if paid == nil || truth == nil {
		return ""
	}
	return fmt.Sprintf("%+.2f", *paid-*truth)
}

func (m *mixnodeView) csv(out io.Writer) error {
	w := spreadsheet.NewWriter(out)
	lines := [][]string{{"epoch", "mixnode", "what", "name", "percent", "carried_from"}}
	for _, e := range m.Epochs {
		line := func(what, name string, percent *float64, from contract.Epoch) {
			lines = append(lines, []string{e.Epoch.String(), string(m.Mixnode), what, name, csvPercent(percent), fromText(from)})
		}
		for _, r := range e.Reports {
			line("report", r.NymAPI, r.Percent, 0)
		}
		for _, estimate := range e.Estimates {
			line("estimate", estimate.Estimator, estimate.Percent, 0)
		}
		line("paid", "", e.Percent, e.CarriedFrom)
		if e.Truth != nil {
			line("truth", "", e.Truth, 0)
		}
	}
	return writeLines(w, lines)
}
