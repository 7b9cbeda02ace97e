package experiment

import (
	"math"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/intervals"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// Recording is how certain the loss of a way is within one recording: 95 % intervals of a
// moving-block bootstrap over its epochs, in NYM for each epoch. Seeds draw who reports, and say
// nothing about another week.
type Recording struct {
	Low, High float64 // of what is mispaid
	// DifferenceLow and DifferenceHigh are those of what is mispaid minus the same under the median.
	DifferenceLow, DifferenceHigh float64
}

func recordingMeasures() []Measure {
	of := func(f Figures) *Recording { return f.Recording }
	return []Measure{
		{"mispaid_low", "NYM an epoch", "Lower bound of what is mispaid, over the epochs of a recording.", true, part(of, func(r Recording) float64 { return r.Low })},
		{"mispaid_high", "NYM an epoch", "Upper bound of what is mispaid, over the epochs of a recording.", true, part(of, func(r Recording) float64 { return r.High })},
		{
			"difference_low", "NYM an epoch", "Lower bound of what is mispaid minus the same under the median, over the epochs of a recording.", true,
			part(of, func(r Recording) float64 { return r.DifferenceLow }),
		},
		{
			"difference_high", "NYM an epoch", "Upper bound of what is mispaid minus the same under the median, over the epochs of a recording.", true,
			part(of, func(r Recording) float64 { return r.DifferenceHigh }),
		},
	}
}

// epochLosses are what a way mispays in each epoch.
type epochLosses []float64

func (*epochLosses) see(payout.Way, payout.Reports) {}
func (*epochLosses) figures(*Figures)               {}

func (l *epochLosses) pay(paid []payout.Payment, truth []float64) {
	*l = append(*l, Score([][]payout.Payment{paid}, [][]float64{truth}).Mispaid)
}

// playRecorded plays a cell in what was recorded.
func playRecorded(c Cell, o observe.Observations, seed uint64) ([]Outcome, error) {
	losses := map[string]*epochLosses{}
	outcomes, err := playWatched(c, o, seed, func(way payout.Way) watch {
		losses[way.Name()] = &epochLosses{}
		return losses[way.Name()]
	})
	if err != nil {
		return nil, err
	}
	middle := losses["median"]
	for i, outcome := range outcomes {
		own := *losses[outcome.Way]
		length := intervals.BlockLength(len(own))
		loss, difference := intervals.Blocks(own, length), intervals.Interval{Low: math.NaN(), High: math.NaN()}
		if middle != nil {
			difference = intervals.Blocks(intervals.Differences(own, *middle), length)
		}
		outcomes[i].Recording = &Recording{Low: loss.Low, High: loss.High, DifferenceLow: difference.Low, DifferenceHigh: difference.High}
	}
	return outcomes, nil
}
