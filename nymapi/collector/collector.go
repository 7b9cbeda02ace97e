// Package collector measures mixnodes for one Nym-API: at each tick of an epoch it queries a
// [Source] and stores the samples.
//
// An epoch has a fixed number of ticks. Tick k, from 0, has the nominal time
// start + k·duration/ticks, with which its samples are stored, and the global number
// (epoch-1)·ticks + k, which it passes to the source. A tick that is measured late, because the
// machine was busy or the program was restarted, has the same time and number. Timing therefore
// changes no value of a source that can look back.
//
// The package has no clock and starts no goroutine: package rewards calls it when ticks are due and
// averages the samples. Package samples stores them. The sources of simulations are in source.go.
package collector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/samples"
)

// MaxTicks bounds the ticks of an epoch.
const MaxTicks = 1 << 16

// ErrTicks reports an invalid number of ticks.
var ErrTicks = errors.New("bad number of ticks")

// Measurement is what a source measured about one mixnode at one tick.
type Measurement struct {
	Mixnode metrics.MixID
	Percent uint8 // of the packets that came back, 0..100
}

// Source measures mixnodes. It is called by one goroutine.
type Source interface {
	// Measure measures the mixnodes at the tick with that global number, from 0. It leaves out what it
	// could not measure: a missing value is never 0. It may be called late, and again for the same
	// tick. A source that cannot look back returns nothing for past ticks.
	Measure(ctx context.Context, mixnodes []metrics.MixID, tick int64) ([]Measurement, error)
}

// Collector measures the epochs of one Nym-API. It is used by one goroutine.
type Collector struct {
	source Source
	store  *samples.Store
	ticks  int
	done   map[contract.Epoch]int // number of ticks measured, until Forget
}

// New returns a collector that measures ticks times in each epoch and stores the samples.
func New(source Source, store *samples.Store, ticks int) (*Collector, error) {
	if ticks < 1 || ticks > MaxTicks {
		return nil, fmt.Errorf("%w: %d, expected 1..%d", ErrTicks, ticks, MaxTicks)
	}
	return &Collector{source: source, store: store, ticks: ticks, done: map[contract.Epoch]int{}}, nil
}

// CatchUp measures every tick of the epoch that is due at now, in contract time, and was not
// measured since the start of the program. A tick is due from its nominal time on. After an error
// the tick stays due. CatchUp returns the nominal time of the next tick, or the epoch's end if all
// are measured.
func (c *Collector) CatchUp(ctx context.Context, d contract.Description, now contract.Millis) (next contract.Millis, err error) {
	if int64(d.End-d.Start) < int64(c.ticks) {
		return d.End, fmt.Errorf("%w: %d in epoch %d of %s are shorter than a millisecond each; lower the number of ticks",
			ErrTicks, c.ticks, d.Epoch, d.End.Sub(d.Start))
	}
	for c.done[d.Epoch] < c.ticks {
		tick := c.done[d.Epoch]
		nominal := c.nominal(d, tick)
		if now < nominal {
			return nominal, nil
		}
		if err := c.measure(ctx, d, tick, nominal); err != nil {
			return nominal, fmt.Errorf("measure tick %d of epoch %d: %w", tick, d.Epoch, err)
		}
		c.done[d.Epoch] = tick + 1
	}
	return d.End, nil
}

// LastTick returns the nominal time of the last tick of an epoch.
func (c *Collector) LastTick(d contract.Description) contract.Millis { return c.nominal(d, c.ticks-1) }

func (c *Collector) nominal(d contract.Description, tick int) contract.Millis {
	return d.Start + contract.Millis(int64(d.End-d.Start)*int64(tick)/int64(c.ticks))
}

func (c *Collector) measure(ctx context.Context, d contract.Description, tick int, nominal contract.Millis) error {
	global := int64(d.Epoch-1)*int64(c.ticks) + int64(tick)
	measured, err := c.source.Measure(ctx, d.Mixnodes, global)
	if err != nil {
		return err
	}
	at := nominal.Time()
	batch := make([]metrics.Sample, len(measured))
	for i, m := range measured {
		batch[i] = metrics.Sample{Mixnode: m.Mixnode, Time: at, Value: m.Percent}
	}
	return c.store.Record(ctx, batch)
}

// Averages returns the average of each mixnode over the half-open window of the epoch, in the order
// of the description. Mixnodes without samples are missing.
func (c *Collector) Averages(ctx context.Context, d contract.Description) ([]metrics.Uptime, error) {
	return c.store.Averages(ctx, d.Mixnodes, d.Start.Time(), d.End.Time())
}

// Forget drops the progress of epochs before that one, and samples that are older than the
// retention time at now.
func (c *Collector) Forget(ctx context.Context, before contract.Epoch, now contract.Millis, retention time.Duration) error {
	for epoch := range c.done {
		if epoch < before {
			delete(c.done, epoch)
		}
	}
	_, err := c.store.Prune(ctx, now.Add(-retention).Time())
	return err
}
