package compare

import (
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// truth returns the true uptime of a mixnode (by index) over an epoch (from 1) in points, and false
// if it is unknown.
type truth func(mixnode, epoch int) (points float64, ok bool)

// payments are what mixnodes are paid: payments[e-1][i] is the reward of mixnode i in epoch e. A
// missed epoch is nil.
type payments [][]contract.Reward

// paid returns the paid value of a cell, and false if nothing is paid.
func (p payments) paid(mixnode, epoch int) (reward contract.Reward, points float64, ok bool) {
	if epoch > len(p) || p[epoch-1] == nil {
		return contract.Reward{Value: metrics.Missing}, 0, false
	}
	reward = p[epoch-1][mixnode]
	points, ok = reward.Value.Points()
	return reward, points, ok
}

// Quality is how many cells were paid and how far from the truth. A cell is one mixnode in one
// settled epoch. Errors are paid minus truth, in points of 0..100, over cells whose truth is known,
// and null without any.
type Quality struct {
	Cells   int `json:"cells"`
	Fresh   int `json:"cells_fresh"`   // paid what was measured in the epoch
	Carried int `json:"cells_carried"` // paid what was measured in an earlier epoch
	Unpaid  int `json:"cells_unpaid"`

	RMSE       *float64 `json:"rmse"`        // over all paid cells
	RMSEFresh  *float64 `json:"rmse_fresh"`  // over the fresh ones
	RMSECommon *float64 `json:"rmse_common"` // over those that all modes paid
	Bias       *float64 `json:"bias"`        // over all paid cells
	MaxError   *float64 `json:"max_error"`   // over all paid cells, without sign

	// Overpaid and Underpaid are sums of points divided by the number of cells, paid or not. An unpaid
	// cell is underpaid by all of its truth.
	Overpaid  *float64 `json:"overpaid"`
	Underpaid *float64 `json:"underpaid"`

	// RMSEOther and BiasOther are against the second truth, over all paid cells.
	RMSEOther *float64 `json:"rmse_other"`
	BiasOther *float64 `json:"bias_other"`
}

// quality scores payments. common are the cells that all modes paid.
func (p *Plan) quality(paid payments, common cellSet) Quality { return p.qualityFrom(1, paid, common) }

// qualityFrom scores the epochs from the first one on.
func (p *Plan) qualityFrom(first int, paid payments, common cellSet) Quality {
	var q Quality
	var all, fresh, inCommon, other deviations
	known, over, under := 0, 0.0, 0.0
	for epoch := first; epoch <= len(paid); epoch++ {
		for i := range p.input.mixnodes() {
			reward, points, ok := paid.paid(i, epoch)
			q.count(reward, ok)
			if ok {
				other.addAgainst(p.input.other, points, i, epoch)
			}
			right, isKnown := p.input.truth(i, epoch)
			if !isKnown {
				continue
			}
			known++
			over, under = over+max(0, points-right), under+max(0, right-points) // points is 0 if unpaid
			if !ok {
				continue
			}
			all.add(points - right)
			if reward.CarriedFrom == 0 {
				fresh.add(points - right)
			}
			if common.has(i, epoch) {
				inCommon.add(points - right)
			}
		}
	}
	q.RMSE, q.RMSEFresh, q.RMSECommon = all.rmse(), fresh.rmse(), inCommon.rmse()
	q.Bias, q.MaxError = all.bias(), all.maxError()
	q.RMSEOther, q.BiasOther = other.rmse(), other.bias()
	if known > 0 {
		over, under = over/float64(known), under/float64(known)
		q.Overpaid, q.Underpaid = &over, &under
	}
	return q
}

func (q *Quality) count(reward contract.Reward, paid bool) {
	q.Cells++
	switch {
	case !paid:
		q.Unpaid++
	case reward.CarriedFrom != 0:
		q.Carried++
	default:
		q.Fresh++
	}
}

// cellSet is a set of cells: cellSet[epoch-1][mixnode].
type cellSet [][]bool

func (s cellSet) has(mixnode, epoch int) bool { return epoch <= len(s) && s[epoch-1][mixnode] }

func (s cellSet) size() int {
	size := 0
	for _, row := range s {
		for _, in := range row {
			if in {
				size++
			}
		}
	}
	return size
}

// paidByAll returns the cells of that many mixnodes that all of these payments pay.
func paidByAll(mixnodes int, all []payments) cellSet {
	if len(all) == 0 {
		return nil
	}
	set := make(cellSet, len(all[0]))
	for e := range set {
		set[e] = make([]bool, mixnodes)
		for i := range set[e] {
			set[e][i] = !slices.ContainsFunc(all, func(p payments) bool {
				_, _, ok := p.paid(i, e+1)
				return !ok
			})
		}
	}
	return set
}

// deviations sums up errors, value minus truth in points.
type deviations struct {
	cells        int
	sum, squares float64
	largest      float64
}

func (d *deviations) add(deviation float64) {
	d.cells++
	d.sum += deviation
	d.squares += deviation * deviation
	d.largest = max(d.largest, math.Abs(deviation))
}

// addAgainst adds a value unless its truth is unknown.
func (d *deviations) addAgainst(right truth, points float64, mixnode, epoch int) {
	if value, known := right(mixnode, epoch); known {
		d.add(points - value)
	}
}

// rmse returns the root of the mean squared error, nil without cells.
func (d deviations) rmse() *float64 { return d.figure(math.Sqrt(d.squares / float64(d.cells))) }

// bias returns the mean error, nil without cells. It is negative if payments are too low on
// average.
func (d deviations) bias() *float64 { return d.figure(d.sum / float64(d.cells)) }

// maxError returns the largest distance from the truth, nil without cells.
func (d deviations) maxError() *float64 { return d.figure(d.largest) }

func (d deviations) figure(value float64) *float64 {
	if d.cells == 0 {
		return nil
	}
	return &value
}

// middle returns the median of qualities in ascending order of their RMSE: the middle one, or the
// means of the figures of the middle two.
func middle(sorted []Quality) Quality {
	a, b := sorted[(len(sorted)-1)/2], sorted[len(sorted)/2]
	mean := func(x, y *float64) *float64 {
		if x == nil || y == nil {
			return nil
		}
		value := (*x + *y) / 2
		return &value
	}
	return Quality{
		Cells: (a.Cells + b.Cells) / 2, Fresh: (a.Fresh + b.Fresh) / 2, Carried: (a.Carried + b.Carried) / 2, Unpaid: (a.Unpaid + b.Unpaid) / 2,
		RMSE: mean(a.RMSE, b.RMSE), RMSEFresh: mean(a.RMSEFresh, b.RMSEFresh), RMSECommon: mean(a.RMSECommon, b.RMSECommon),
		Bias: mean(a.Bias, b.Bias), MaxError: mean(a.MaxError, b.MaxError), Overpaid: mean(a.Overpaid, b.Overpaid),
		Underpaid: mean(a.Underpaid, b.Underpaid), RMSEOther: mean(a.RMSEOther, b.RMSEOther), BiasOther: mean(a.BiasOther, b.BiasOther),
	}
}

// percentile returns the value at rank ceil(share*len), the nearest rank, nil without values.
func percentile(values []int64, share float64) *int64 {
	if len(values) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(share * float64(len(sorted))))
	return &sorted[min(max(rank, 1), len(sorted))-1]
}
