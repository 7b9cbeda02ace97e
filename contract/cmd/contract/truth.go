package main

import (
	"fmt"
	"math"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/world"
)

// truth is the simulated world that was measured, computed from its seed. A nil truth has no
// values.
type truth struct {
	seed  uint64
	ticks int64
	world *world.World // with the number of mixnodes of the last epoch
}

// of returns the true uptimes of the mixnodes of a rewarded epoch, in points of 0..100 and in the
// order of its result. Epoch e is measured in the ticks [(e-1)·ticks, e·ticks).
func (t *truth) of(d contract.EpochDetail) ([]float64, error) {
	if t == nil || len(d.Result) == 0 {
		return nil, nil
	}
	if err := t.know(len(d.Result)); err != nil {
		return nil, err
	}
	truths := make([]float64, len(d.Result))
	for i, name := range t.world.Mixnodes() {
		if d.Result[i].Mixnode != name {
			return nil, fmt.Errorf("--seed: mixnode %s of epoch %d is not in a simulated world, which has %s in its place", d.Result[i].Mixnode, d.ID, name)
		}
		points, ok := t.world.Truth(i, int64(d.ID-1)*t.ticks, int64(d.ID)*t.ticks)
		if !ok {
			return nil, fmt.Errorf("--ticks %d: epoch %d has no truth with that many measurements; give the --ticks of the Nym-APIs", t.ticks, d.ID)
		}
		truths[i] = points
	}
	return truths, nil
}

func (t *truth) know(mixnodes int) error {
	if t.world != nil && len(t.world.Mixnodes()) == mixnodes {
		return nil
	}
	var err error
	t.world, err = world.New(world.Config{Seed: t.seed, Mixnodes: mixnodes})
	return err
}

// compare returns how far an epoch's rewards are from the truth, and adds it to total. It returns
// nil if there is nothing to compare.
func (t *truth) compare(d contract.EpochDetail, total *errorSum) (*metricsError, error) {
	truths, err := t.of(d)
	if err != nil {
		return nil, err
	}
	var sum errorSum
	for i := range truths {
		sum.add(d.Result[i].Value, truths[i])
		total.add(d.Result[i].Value, truths[i])
	}
	return sum.result(), nil
}

// metricsError is how far rewards are from the truth, in points of 0..100.
type metricsError struct {
	RMSE float64 `json:"rmse"`
	Bias float64 `json:"bias"` // mean of value - truth
	Max  float64 `json:"max_error"`
	// Paid is the number of rewards that these figures are about, Cells that of mixnodes in rewarded
	// epochs.
	Paid  int `json:"paid"`
	Cells int `json:"cells"`
}

type errorSum struct {
	count, cells         int
	squares, sum, widest float64
}

func (e *errorSum) add(value metrics.Uptime, truth float64) {
	e.cells++
	points, ok := value.Points()
	if !ok {
		return // a missing value has no error; it is counted
	}
	e.count++
	e.squares += (points - truth) * (points - truth)
	e.sum += points - truth
	e.widest = max(e.widest, math.Abs(points-truth))
}

func (e *errorSum) result() *metricsError {
	if e.count == 0 {
		return nil
	}
	n := float64(e.count)
	return &metricsError{RMSE: math.Sqrt(e.squares / n), Bias: e.sum / n, Max: e.widest, Paid: e.count, Cells: e.cells}
}
