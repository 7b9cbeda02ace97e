package compare

import (
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
	"github.com/ephemera-go/nym-rewarding/metrics/world"
)

// simulator is what world.World and world.Uniform have in common.
type simulator interface {
	Mixnodes() []metrics.MixID
	Sample(api, mix int, tick int64) (value uint8, ok bool)
	Truth(mix int, from, to int64) (points float64, ok bool)
}

// input is the measurements and the truth about them. Nym-APIs and epochs are numbered from 1,
// mixnodes and ticks from 0. It is safe for concurrent use.
type input interface {
	// mixnodes returns the names in ascending order.
	mixnodes() []metrics.MixID
	// sample returns what a Nym-API measures at a tick, in percent, and false if the measurement is
	// lost.
	sample(number, mixnode int, tick int64) (value uint8, ok bool)
	// truth returns the true uptime over an epoch in points, and false if it is unknown.
	truth(mixnode, epoch int) (points float64, ok bool)
	// name returns the number of the epoch for people.
	name(epoch int) int64
}

// average returns what an honest Nym-API reports about an epoch with that number of ticks.
func average(in input, number, epoch, ticks int) []metrics.Uptime {
	averages := make([]metrics.Uptime, len(in.mixnodes()))
	values := make([]uint8, 0, ticks)
	first := int64(epoch-1) * int64(ticks)
	for i := range averages {
		values = values[:0]
		for tick := first; tick < first+int64(ticks); tick++ {
			if value, ok := in.sample(number, i, tick); ok {
				values = append(values, value)
			}
		}
		averages[i] = metrics.Average(values)
	}
	return averages
}

// simulate creates the plan's input from a simulated source.
func (p *Plan) simulate() error {
	config := world.Config{Seed: p.Seed, Mixnodes: p.Mixnodes, Missing: p.Missing}
	if p.Source == SourceUniform {
		config.Missing = 0 // as in the original
		uniform, err := world.NewUniform(config)
		if err != nil {
			return err
		}
		p.input = simulated{source: uniform, ticks: p.Ticks}
		return nil
	}
	w, err := world.New(config)
	if err != nil {
		return err
	}
	config.Packets = world.DefaultPackets * p.Nodes
	more, err := world.New(config)
	if err != nil {
		return err
	}
	p.input, p.moreProbes = simulated{source: w, ticks: p.Ticks}, simulated{source: more, ticks: p.Ticks}
	return nil
}

// simulated is the input from a simulated source.
type simulated struct {
	source simulator
	ticks  int // of an epoch
}

func (s simulated) mixnodes() []metrics.MixID { return s.source.Mixnodes() }

func (s simulated) sample(number, mixnode int, tick int64) (uint8, bool) {
	return s.source.Sample(number, mixnode, tick)
}

func (s simulated) truth(mixnode, epoch int) (float64, bool) {
	first := int64(epoch-1) * int64(s.ticks)
	return s.source.Truth(mixnode, first, first+int64(s.ticks))
}

func (s simulated) name(epoch int) int64 { return int64(epoch) }

// replay is the input from a trace, in which an epoch has one tick.
type replay struct {
	file      *trace.Trace
	observers []int
	right     [][]metrics.Uptime
}

func newReplay(file *trace.Trace, observers, trusted []int) replay {
	return replay{file: file, observers: observers, right: file.Truth(trusted)}
}

func (r replay) mixnodes() []metrics.MixID { return r.file.Mixnodes }

func (r replay) sample(number, mixnode int, tick int64) (uint8, bool) {
	if number < 1 || number > len(r.observers) || tick < 0 || tick >= int64(len(r.file.Epochs)) {
		return 0, false
	}
	return r.file.Value(int(tick), r.observers[number-1], mixnode)
}

func (r replay) truth(mixnode, epoch int) (float64, bool) {
	if epoch < 1 || epoch > len(r.right) {
		return 0, false
	}
	return r.right[epoch-1][mixnode].Points()
}

func (r replay) name(epoch int) int64 { return r.file.Epochs[epoch-1] }
