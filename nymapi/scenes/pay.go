package scenes

import (
	"math"
	"strings"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// The ways of deciding, as lines name them.
const (
	wayAlone    = "Nym-API 1 alone"
	wayContract = "performance contract"
	wayMedian   = group + "median"
	wayMean     = group + "mean"
	wayWeighted = group + "wmedian"

	group = "Ephemera, " // what decides together; the estimator follows
)

// Line is what one way pays in an act. Errors are paid minus truth in points, over paid cells, and
// null without any. A cell is one mixnode in one epoch.
type Line struct {
	Way     string   `json:"way"`
	Epochs  int      `json:"epochs"`
	Missed  int      `json:"epochs_missed"` // in which nothing is paid
	Cells   int      `json:"cells"`
	Carried int      `json:"cells_carried"` // paid what was measured in an earlier epoch
	Unpaid  int      `json:"cells_unpaid"`
	RMSE    *float64 `json:"rmse"`
	Bias    *float64 `json:"bias"`
	// Overpaid and Underpaid are points for each cell, paid or not. An unpaid cell is underpaid by all
	// of its truth.
	Overpaid  float64 `json:"overpaid"`
	Underpaid float64 `json:"underpaid"`
	// Mispaid is the sum of both in NYM for each epoch, if all mixnodes were in Nym's rewarded set.
	Mispaid float64 `json:"mispaid_nym"`
}

// wayOf returns a new way of deciding by its name in lines.
func wayOf(name string) payout.Way {
	switch name {
	case wayAlone:
		return payout.Single(0)
	case wayContract:
		return payout.Performance()
	}
	return payout.Group(nymAPIs, estimator(strings.TrimPrefix(name, group)))
}

// estimator returns the estimator of that name, which exists.
func estimator(name string) metrics.Estimator {
	e, err := metrics.ParseEstimator(name)
	if err != nil {
		panic(err)
	}
	return e
}

// view is what the lines of an act are about.
type view struct {
	over   string // which mixnodes, in words; empty for all
	which  []int  // the same; nil for all
	epochs window
}

// act returns what the three usual ways pay, and others if asked for.
func (s stage) act(title string, v view, others ...string) Act {
	act := Act{Title: title, Over: v.over, First: v.epochs.first, Last: v.epochs.last}
	for _, way := range append([]string{wayAlone, wayContract, wayMedian}, others...) {
		act.Lines = append(act.Lines, s.line(way, way, v))
	}
	return act
}

// line returns what a way pays for these reports, under any name.
func (s stage) line(name, way string, v view) Line {
	paid, truth := v.choose(s.pay(wayOf(way))), choose(s.truth[v.epochs.first-1:v.epochs.last], v.which)
	return newLine(name, len(paid), experiment.Score(paid, truth))
}

// pay settles all epochs.
func (s stage) pay(way payout.Way) [][]payout.Payment {
	paid := make([][]payout.Payment, len(s.reports))
	for e, rows := range s.reports {
		paid[e] = way.Settle(payout.NewReports(mixnodes, rows))
	}
	return paid
}

// choose returns what is in view of the payments of all epochs.
func (v view) choose(paid [][]payout.Payment) [][]payout.Payment {
	return choose(paid[v.epochs.first-1:v.epochs.last], v.which)
}

// choose returns the columns of these mixnodes, all of them for nil.
func choose[T any](rows [][]T, which []int) [][]T {
	if which == nil {
		return rows
	}
	chosen := make([][]T, len(rows))
	for e, row := range rows {
		if row == nil {
			continue
		}
		for _, j := range which {
			chosen[e] = append(chosen[e], row[j])
		}
	}
	return chosen
}

func newLine(name string, epochs int, f experiment.Figures) Line {
	return Line{
		Way: name, Epochs: epochs, Missed: f.Missed, Cells: f.Cells, Carried: f.Carried, Unpaid: f.Unpaid,
		RMSE: known(f.RMSE), Bias: known(f.Bias), Overpaid: f.Overpaid, Underpaid: f.Underpaid, Mispaid: f.Mispaid,
	}
}

// known returns nil for NaN, which JSON does not have.
func known(value float64) *float64 {
	if math.IsNaN(value) {
		return nil
	}
	return &value
}
