package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics/spreadsheet"
)

// The views as text.

func newTable(out *strings.Builder, header ...any) table.Writer {
	w := table.NewWriter()
	w.SetOutputMirror(out)
	w.SetStyle(table.StyleLight)
	w.Style().Format.Header = text.FormatDefault
	w.Style().Options.SeparateRows = false
	columns := make([]table.ColumnConfig, len(header))
	for i, name := range header {
		columns[i] = table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignLeft}
		switch name {
		case "member", "winner", "submitter":
			columns[i].Align, columns[i].WidthMax, columns[i].WidthMaxEnforcer = text.AlignLeft, 12, text.WrapHard
		case "peer ID", "start", "status", "at", "verdict", "mixnode":
			columns[i].Align = text.AlignLeft
		case "reason":
			columns[i] = table.ColumnConfig{Number: i + 1, WidthMax: 25, WidthMaxEnforcer: text.WrapSoft}
		}
	}
	w.SetColumnConfigs(columns)
	w.AppendHeader(table.Row(header))
	return w
}

func nameOf(name string, key keys.Public) string {
	if name != "" {
		return name
	}
	return key.Short()
}

func winnerOf(w *contract.Winner) string {
	if w == nil {
		return ""
	}
	return nameOf(w.Name, w.Key)
}

func clockOf(m contract.Millis) string { return m.Time().Format("15:04:05.000") }

func (o *overview) table() string {
	var out strings.Builder
	writeTitle(&out, o.Database, "network "+o.Network)
	fmt.Fprintf(&out, "contract %s\n", o.Key)
	if g := o.Group; g != nil {
		fmt.Fprintf(&out, "group %d: n = %d, f = %d, q = %d\n  ID %s\n", g.Number, g.N, g.F, g.Q, g.ID)
	} else {
		fmt.Fprintf(&out, "group not closed: %d enrolled\n", len(o.Members))
	}
	members := newTable(&out, "member", "peer ID") // addresses do not fit; JSON has them
	for _, m := range o.Members {
		members.AppendRow(table.Row{m.Name, m.PeerID})
	}
	members.Render()
	o.epochs(&out)
	for _, e := range o.Epochs {
		if e.Reason != "" { // too wide for the table
			writeText(&out, "epoch %d %s: %s", e.ID, e.Status, e.Reason)
		}
	}
	writeText(&out, "listed: %d rewarded, %d missed, %d open; attempts: %d accepted, %d late, %d invalid", o.Totals[contract.StatusRewarded],
		o.Totals[contract.StatusMissed], o.Totals[contract.StatusOpen], o.Attempts[contract.VerdictAccepted], o.Attempts[contract.VerdictLate], o.Attempts[contract.VerdictInvalid])
	for _, name := range slices.SortedFunc(maps.Keys(o.Wins), contract.CompareNames) {
		fmt.Fprintf(&out, "  %s won %d\n", name, o.Wins[name])
	}
	o.errors(&out)
	return out.String()
}

// epochs writes a line for each epoch.
func (o *overview) epochs(out *strings.Builder) {
	w := newTable(out, "epoch", "start", "status", "winner", "after\nend, ms", "reporters\n/ signers", "attempts", "carried")
	w.Style().Options = table.OptionsNoBordersAndSeparators
	w.Style().Options.SeparateHeader = true
	w.Style().Box.PaddingRight = ""
	for _, e := range o.Epochs {
		w.AppendRow(e.row())
	}
	w.Render()
}

// errors writes how far each epoch is from the truth, if that is known.
func (o *overview) errors(out *strings.Builder) {
	if o.Errors == nil {
		return
	}
	w := newTable(out, "epoch", "RMSE", "bias", "max error")
	for _, e := range o.Epochs {
		if e.Error != nil {
			w.AppendRow(table.Row{e.ID, points(e.Error.RMSE), fmt.Sprintf("%+.2f", e.Error.Bias), points(e.Error.Max)})
		}
	}
	w.Render()
	writeError(out, o.Errors)
}

func (e epochLine) row() table.Row {
	after := ""
	if e.AfterEndMS != nil {
		after = strconv.FormatInt(*e.AfterEndMS, 10)
	}
	certified := ""
	if e.Reporters > 0 {
		certified = fmt.Sprintf("%d / %d", e.Reporters, e.Signers)
	}
	return table.Row{e.ID, e.Start.Time().Format("01-02 15:04:05"), e.Status, winnerOf(e.Winner), after, certified, e.Attempts, e.Carried}
}

func points(v float64) string { return fmt.Sprintf("%.2f", v) }

func writeError(out *strings.Builder, e *metricsError) {
	if e != nil {
		writeText(out, "against the truth, %d of %d cells paid: RMSE %.2f, bias %+.2f, largest error %.2f points",
			e.Paid, e.Cells, e.RMSE, e.Bias, e.Max)
	}
}

func (e *epochView) table() string {
	var out strings.Builder
	d := e.Description
	writeTitle(&out, e.Database, fmt.Sprintf("epoch %d, %s to %s: %s", e.ID, e.Start, clockOf(e.End), e.Status))
	if e.Reason != "" {
		writeText(&out, "reason: %s", e.Reason)
	}
	writeText(&out, "description %s: %d mixnodes, mode %s, %s (version %d), at least %d values, carried over %d epochs", d.Hash().Short(), len(d.Mixnodes),
		d.Rules.Mode, d.Rules.Estimator, d.Rules.Version, d.Rules.Coverage, d.Rules.CarryLimit)
	if e.Batches > 0 || d.Rules.Mode == contract.ModePerformance {
		fmt.Fprintf(&out, "batches: %d, %d bytes\n", e.Batches, e.BatchBytes)
	}
	if w := e.Winner; w != nil && d.Rules.Mode == contract.ModePerformance {
		fmt.Fprintf(&out, "medians paid by the contract %d ms after the end\n", w.AcceptedAt.Sub(e.End).Milliseconds())
	} else if w != nil {
		fmt.Fprintf(&out, "won by %s, %d ms after the end, block %s\n", winnerOf(w), w.AcceptedAt.Sub(e.End).Milliseconds(), w.Block.Short())
		writeText(&out, "reporters: %s", names(e.Reporters))
		writeText(&out, "signers:   %s", names(e.Signers))
	}
	attempts := newTable(&out, "at", "submitter", "verdict", "bytes", "reason")
	for _, a := range e.Attempts {
		attempts.AppendRow(table.Row{clockOf(a.At), nameOf(a.Name, a.Submitter), a.Verdict, a.Bytes, a.Reason})
	}
	attempts.Render()
	if e.AttemptsDropped > 0 {
		fmt.Fprintf(&out, "and %d attempts above the limit\n", e.AttemptsDropped)
	}
	writeCaught(&out, e.Caught)
	if len(e.Result) > 0 {
		e.rewards(&out)
	}
	writeError(&out, e.Error)
	return out.String()
}

func (e *epochView) rewards(out *strings.Builder) {
	header := []any{"mixnode", "uptime %", "reports", "carried from"}
	if e.truth != nil {
		header = append(header, "truth %", "error")
	}
	rewards := newTable(out, header...)
	for i, r := range e.Result {
		row := table.Row{r.Mixnode, r.Value, r.Reports, carriedFrom(r)}
		if e.truth != nil {
			row = append(row, points(e.truth[i]), difference(r, e.truth[i]))
		}
		rewards.AppendRow(row)
	}
	rewards.Render()
}

func carriedFrom(r contract.Reward) string {
	if r.CarriedFrom == 0 {
		return ""
	}
	return "epoch " + r.CarriedFrom.String()
}

func difference(r contract.Reward, truth float64) string {
	value, ok := r.Value.Points()
	if !ok {
		return ""
	}
	return fmt.Sprintf("%+.2f", value-truth)
}

func names(signatories []contract.Signatory) string {
	list := make([]string, len(signatories))
	for i, s := range signatories {
		list[i] = nameOf(s.Name, s.Key)
	}
	slices.SortFunc(list, contract.CompareNames)
	return strings.Join(list, ", ")
}

func (o *overview) csv(out io.Writer) error {
	lines := [][]string{{"epoch", "start", "end", "status", "winner", "after_end_ms", "reporters", "signers", "attempts", "carried", "reason"}}
	for _, e := range o.Epochs {
		after := ""
		if e.AfterEndMS != nil {
			after = strconv.FormatInt(*e.AfterEndMS, 10)
		}
		lines = append(lines, []string{
			e.ID.String(), e.Start.String(), e.End.String(), string(e.Status), winnerOf(e.Winner), after,
			strconv.Itoa(e.Reporters), strconv.Itoa(e.Signers), strconv.Itoa(e.Attempts), strconv.Itoa(e.Carried), e.Reason,
		})
	}
	return writeLines(spreadsheet.NewWriter(out), lines)
}

func (e *epochView) csv(out io.Writer) error {
	lines := [][]string{{"epoch", "mixnode", "percent", "reports", "carried_from"}}
	for _, r := range e.Result {
		lines = append(lines, []string{e.ID.String(), string(r.Mixnode), r.Value.String(), strconv.Itoa(int(r.Reports)), fromText(r.CarriedFrom)})
	}
	return writeLines(spreadsheet.NewWriter(out), lines)
}
