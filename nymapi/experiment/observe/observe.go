// Package observe is what Nym-APIs would report in an experiment if all were honest: measurements
// of a simulated world or a recorded one, and what happens to them on the way, such as gaps,
// outages of a hoster or regions that some observers do not reach. It is pure and deterministic.
// Observer i measures the same in a group of any size, so that groups are compared over the same
// measurements.
package observe

import (
	"math"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/metrics/world"
)

// Observations are the reports of honest observers, and the truth about them. Values and Truth must
// not be modified. They may be read concurrently.
type Observations struct {
	Mixnodes int
	// Values are by epoch, observer and mixnode, all from 0. A row is nil if the observer does not
	// report.
	Values [][][]metrics.Uptime
	// Truth is by epoch and mixnode, in points (0..100), NaN where it is unknown.
	Truth [][]float64
}

// Epochs returns the number of epochs.
func (o Observations) Epochs() int { return len(o.Values) }

// World describes measurements of a simulated world: see [world.World].
type World struct {
	Seed                        uint64
	Observers, Mixnodes, Epochs int
	Ticks                       int // measurements in an epoch
	Packets                     int // of a measurement; 0: world.DefaultPackets
}

// Observe returns the measurements. The error wraps world.ErrConfig.
func (w World) Observe() (Observations, error) {
	source, err := world.New(world.Config{Seed: w.Seed, Mixnodes: w.Mixnodes, Packets: w.Packets})
	if err != nil {
		return Observations{}, err
	}
	o := Observations{Mixnodes: w.Mixnodes}
	for epoch := range w.Epochs {
		first := int64(epoch * w.Ticks)
		rows := make([][]metrics.Uptime, w.Observers)
		for i := range rows {
			rows[i] = w.report(source, i, first)
		}
		truth := make([]float64, w.Mixnodes)
		for j := range truth {
			points, ok := source.Truth(j, first, first+int64(w.Ticks))
			if !ok {
				points = math.NaN()
			}
			truth[j] = points
		}
		o.Values, o.Truth = append(o.Values, rows), append(o.Truth, truth)
	}
	return o, nil
}

func (w World) report(source *world.World, observer int, first int64) []metrics.Uptime {
	row := make([]metrics.Uptime, w.Mixnodes)
	for j := range row {
		var sum, count int64
		for tick := first; tick < first+int64(w.Ticks); tick++ {
			if value, ok := source.Sample(observer+1, j, tick); ok {
				sum, count = sum+int64(value), count+1
			}
		}
		row[j] = metrics.AverageOfSum(sum, count)
	}
	return row
}

// Effect is something that happens to measurements. It returns other observations, which may share
// rows with the first ones. Draws depend on the seed only, and those of a weaker effect are a part
// of those of a stronger one.
type Effect func(Observations, draw.State) Observations

// The kinds of draw, with the words that follow.
const (
	// drawGap, epoch, observer, mixnode: whether a value is missing.
	drawGap = 1000 + iota
	// drawOutage, epoch: whether a hoster is down.
	drawOutage
	// drawBug, drawRegion and drawRecognised, mixnode: whether it is one of those concerned.
	drawBug
	drawRegion
	drawRecognised
	// drawObserver, observer: the first ones in the order of their draws report.
	drawObserver
)

// happens reports whether something happens that does so with a probability.
func happens(at draw.State, probability float64) bool {
	return at.Fraction() < uint64(probability*draw.One)
}

// some returns a share of the mixnodes: each one is chosen with that probability.
func (o Observations) some(at draw.State, share float64) []bool {
	chosen := make([]bool, o.Mixnodes)
	for j := range chosen {
		chosen[j] = happens(at.With(uint64(j)), share)
	}
	return chosen
}

// Gaps removes a share of all values, each independently of the others.
func Gaps(share float64) Effect {
	return func(o Observations, seed draw.State) Observations {
		if share <= 0 {
			return o
		}
		return o.replace(func(epoch, observer, mixnode int, value metrics.Uptime) metrics.Uptime {
			at := seed.With(drawGap).With(uint64(epoch)).With(uint64(observer)).With(uint64(mixnode))
			if happens(at, share) {
				return metrics.Missing
			}
			return value
		})
	}
}

// replace returns the observations with every value replaced.
func (o Observations) replace(by func(epoch, observer, mixnode int, value metrics.Uptime) metrics.Uptime) Observations {
	values := make([][][]metrics.Uptime, len(o.Values))
	for e, rows := range o.Values {
		values[e] = make([][]metrics.Uptime, len(rows))
		for i, row := range rows {
			if row == nil {
				continue
			}
			replaced := make([]metrics.Uptime, len(row))
			for j, v := range row {
				replaced[j] = by(e, i, j, v)
			}
			values[e][i] = replaced
		}
	}
	o.Values = values
	return o
}
