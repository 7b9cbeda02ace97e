package compare

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
	"github.com/ephemera-go/nym-rewarding/metrics/world"
)

// simulator is what world.World and world.Uniform have in common.
type simulator interface {
	Mixnodes() []metrics.MixID
	Sample(api, mix int, tick int64) (value uint8, ok bool)
	Truth(mix int, from, to int64) (points float64, ok bool)
	Uptime(mix int, from, to int64) (points float64, ok bool)
}

// input is the measurements and the truth about them. Nym-APIs and epochs are numbered from 1,
// mixnodes and ticks from 0. It is safe for concurrent use.
type input interface {
	sampled
	// truth returns the true uptime over an epoch in points, and false if it is unknown.
	truth(mixnode, epoch int) (points float64, ok bool)
	// other is truth by the second definition of it, which truths names.
	other(mixnode, epoch int) (points float64, ok bool)
	// truths says in words what truth and other are. They are empty if there is no truth.
	truths() (truth, other string)
	// name returns the number of the epoch for people.
	name(epoch int) int64
}

// sampled is the measurements of an input.
type sampled interface {
	// mixnodes returns the names in ascending order.
	mixnodes() []metrics.MixID
	// sample returns what a Nym-API measures at a tick, in percent, and false if the measurement is
	// lost.
	sample(number, mixnode int, tick int64) (value uint8, ok bool)
}

// average returns what an honest Nym-API reports about an epoch with that number of ticks.
func average(in sampled, number, epoch, ticks int) []metrics.Uptime {
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
	p.input, p.more = simulated{source: w, ticks: p.Ticks}, repeated{world: w, times: int64(p.Nodes)}
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

func (s simulated) other(mixnode, epoch int) (float64, bool) {
	first := int64(epoch-1) * int64(s.ticks)
	return s.source.Uptime(mixnode, first, first+int64(s.ticks))
}

func (s simulated) truths() (string, string) {
	if _, known := s.truth(0, 1); !known {
		return "", ""
	}
	return "what a perfect observer would measure through a path of average loss", "the mixnodes' own uptime, without loss on any path"
}

func (s simulated) name(epoch int) int64 { return int64(epoch) }

// repeated measures a simulated world several times in each tick, as that many Nym-APIs do, but all
// through the paths of one. Each measurement is lost by itself.
type repeated struct {
	world *world.World
	times int64
}

func (r repeated) mixnodes() []metrics.MixID { return r.world.Mixnodes() }

// sample returns the measurements of the first tick, then those of the next.
func (r repeated) sample(number, mixnode int, tick int64) (uint8, bool) {
	return r.world.Repeat(number, mixnode, tick/r.times, tick%r.times)
}

// replay is the input from a trace, in which an epoch has one tick.
type replay struct {
	file       *trace.Trace
	observers  []int
	trusted    int                // number of the observers that are the truth
	by, second metrics.Estimator  // what makes the truth of their values, and what makes the other
	right      [][]metrics.Uptime // by by
	otherRight [][]metrics.Uptime // by second
}

func newReplay(file *trace.Trace, observers, trusted []int, by, second metrics.Estimator) replay {
	return replay{
		file: file, observers: observers, trusted: len(trusted), by: by, second: second,
		right: file.Truth(trusted, by), otherRight: file.Truth(trusted, second),
	}
}

func (r replay) mixnodes() []metrics.MixID { return r.file.Mixnodes }

func (r replay) sample(number, mixnode int, tick int64) (uint8, bool) {
	if number < 1 || number > len(r.observers) || tick < 0 || tick >= int64(len(r.file.Epochs)) {
		return 0, false
	}
	return r.file.Value(int(tick), r.observers[number-1], mixnode)
}

func (r replay) truth(mixnode, epoch int) (float64, bool) { return cell(r.right, mixnode, epoch) }
func (r replay) other(mixnode, epoch int) (float64, bool) { return cell(r.otherRight, mixnode, epoch) }

func cell(values [][]metrics.Uptime, mixnode, epoch int) (float64, bool) {
	if epoch < 1 || epoch > len(values) {
		return 0, false
	}
	return values[epoch-1][mixnode].Points()
}

func (r replay) truths() (string, string) {
	switch r.trusted {
	case 0:
		return "", ""
	case 1:
		return "what the --truth observer measured", "the same"
	}
	return fmt.Sprintf("the %s of the %d --truth observers", r.by.Name(), r.trusted), "their " + r.second.Name()
}

func (r replay) name(epoch int) int64 { return r.file.Epochs[epoch-1] }
