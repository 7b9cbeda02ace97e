package experiment

import (
	"math"
	"slices"
)

// Measure is one of the figures of an outcome, by name.
type Measure struct {
	Name  string // in CSV files and commands
	Unit  string
	About string // what it is, as a sentence
	// Less reports whether smaller values are better.
	Less  bool
	Value func(Figures) float64 // NaN if the section does not measure it
}

// Measures returns all figures in the order of the columns of CSV files.
func Measures() []Measure {
	return slices.Concat(
		paymentMeasures(),
		selectionMeasures(),
		weightMeasures(),
		sizeMeasures(),
		waitingMeasures(),
		steeringMeasures(),
		recordingMeasures(),
	)
}

// paymentMeasures are those of all sections.
func paymentMeasures() []Measure {
	return []Measure{
		{"rmse", "points", "Root mean square error over paid cells.", true, func(f Figures) float64 { return f.RMSE }},
		{"bias", "points", "Mean error over paid cells.", true, func(f Figures) float64 { return f.Bias }},
		{"worst", "points", "Largest error of a paid cell.", true, func(f Figures) float64 { return f.Worst }},
		{"overpaid", "points", "Overpaid points for each cell.", true, func(f Figures) float64 { return f.Overpaid }},
		{"underpaid", "points", "Underpaid points for each cell; an unpaid cell loses all.", true, func(f Figures) float64 { return f.Underpaid }},
		{"mispaid", "NYM an epoch", "Paid to the wrong nodes or not at all.", true, func(f Figures) float64 { return f.Mispaid }},
		{"fresh", "share", "Cells that were paid what was measured in the epoch.", false, func(f Figures) float64 { return f.share(f.Fresh) }},
		{"carried", "share", "Cells that were paid an older value.", true, func(f Figures) float64 { return f.share(f.Carried) }},
		{"missed", "share", "Epochs in which nothing was paid.", true, func(f Figures) float64 { return float64(f.Missed) / float64(f.Epochs) }},
		{"unpaid", "share", "Cells that were paid nothing.", true, func(f Figures) float64 { return f.share(f.Unpaid) }},
	}
}

func (f Figures) share(cells int) float64 { return float64(cells) / float64(f.Cells) }

// part returns how a value is read from a part of the figures that only some sections measure: NaN
// in the others.
func part[T any](of func(Figures) *T, value func(T) float64) func(Figures) float64 {
	return func(f Figures) float64 {
		if p := of(f); p != nil {
			return value(*p)
		}
		return math.NaN()
	}
}
