package experiment

import (
	"math"

	"github.com/ephemera-go/nym-rewarding/metrics/worth"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// Figures are how well a way paid in one run. A cell is one mixnode in one epoch. Errors are paid
// minus truth in points (0..100), over cells whose truth is known. Figures without any cell are
// NaN.
type Figures struct {
	Cells   int
	Epochs  int
	Missed  int // epochs in which nothing was paid
	Fresh   int // cells that were paid what was measured in the epoch
	Carried int // cells that were paid an older value
	Unpaid  int

	RMSE, Bias float64 // over paid cells
	Worst      float64 // largest distance, over paid cells
	// Overpaid and Underpaid are points for each cell, paid or not. An unpaid cell is underpaid by all
	// of its truth.
	Overpaid, Underpaid float64
	// Mispaid is what is paid to the wrong nodes or not at all, in NYM for each epoch, if all mixnodes
	// were in Nym's rewarded set: the sum of over- and underpaid.
	Mispaid float64

	// What only some sections measure is nil in the others.
	Selection *Selection
	Weights   *Weights
	Size      *Size
	Waiting   *Waiting
	Steering  *Steering
	Recording *Recording
}

// scorer sums up what a way pays. The zero value is ready.
type scorer struct {
	total        Figures
	known, paid  int
	sum, squares float64
	over, under  float64
	watch        watch // nil if the section measures nothing else
}

// settle has a way settle an epoch.
func (s *scorer) settle(way payout.Way, r payout.Reports, truth []float64) {
	if s.watch != nil {
		s.watch.see(way, r)
	}
	paid := way.Settle(r)
	s.add(paid, truth)
	if s.watch != nil {
		s.watch.pay(paid, truth)
	}
}

// add adds the payments of an epoch, nil for a missed one.
func (s *scorer) add(paid []payout.Payment, truth []float64) {
	s.total.Epochs++
	if paid == nil {
		s.total.Missed++
	}
	for j, right := range truth {
		s.total.Cells++
		value, ok := 0.0, false
		if paid != nil {
			value, ok = paid[j].Value.Points()
		}
		s.count(ok, ok && paid[j].Age > 0)
		if math.IsNaN(right) {
			continue
		}
		s.known++
		s.over, s.under = s.over+max(0, value-right), s.under+max(0, right-value)
		if ok {
			s.paid++
			s.sum, s.squares = s.sum+value-right, s.squares+(value-right)*(value-right)
			s.total.Worst = max(s.total.Worst, math.Abs(value-right))
		}
	}
}

func (s *scorer) count(paid, carried bool) {
	switch {
	case !paid:
		s.total.Unpaid++
	case carried:
		s.total.Carried++
	default:
		s.total.Fresh++
	}
}

func (s *scorer) figures() Figures {
	f := s.total
	paid, known := float64(s.paid), float64(s.known)
	f.RMSE, f.Bias = math.Sqrt(s.squares/paid), s.sum/paid
	f.Overpaid, f.Underpaid = s.over/known, s.under/known
	f.Mispaid = (s.over + s.under) / 100 * worth.Pay(1) / float64(f.Epochs)
	if s.paid == 0 {
		f.Worst = math.NaN()
	}
	if s.watch != nil {
		s.watch.figures(&f)
	}
	return f
}
