package collector

import (
	"context"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
)

// Simulation draws what a Nym-API measures; package world implements it. A draw depends only on its
// arguments, not on timing or order.
type Simulation interface {
	// Mixnodes returns the simulated mixnodes.
	Mixnodes() []metrics.MixID
	// Sample returns the percentage that the Nym-API with that number, from 1, measures for the
	// mixnode with that index at a tick, and false if the measurement is lost.
	Sample(api, mixnode int, tick int64) (value uint8, ok bool)
}

// simulated is a Source backed by a Simulation.
type simulated struct {
	number int
	open   func(mixnodes int) (Simulation, error)
	// These belong to the last list of mixnodes.
	simulation Simulation
	index      map[metrics.MixID]int
	size       int
}

// Simulated returns the source of the Nym-API with that number, from 1, in a simulation. Open
// creates the simulation for the number of mixnodes in the contract's list. Mixnodes that the
// simulation does not know are missing.
func Simulated(number int, open func(mixnodes int) (Simulation, error)) (Source, error) {
	if number < 1 {
		return nil, fmt.Errorf("Nym-API number %d, expected 1 or more", number)
	}
	return &simulated{number: number, open: open}, nil
}

func (s *simulated) Measure(_ context.Context, mixnodes []metrics.MixID, tick int64) ([]Measurement, error) {
	if s.simulation == nil || s.size != len(mixnodes) {
		if err := s.make(len(mixnodes)); err != nil {
			return nil, err
		}
	}
	measured := make([]Measurement, 0, len(mixnodes))
	for _, id := range mixnodes {
		index, known := s.index[id]
		if !known {
			continue
		}
		if value, ok := s.simulation.Sample(s.number, index, tick); ok {
			measured = append(measured, Measurement{Mixnode: id, Percent: value})
		}
	}
	return measured, nil
}

func (s *simulated) make(mixnodes int) error {
	simulation, err := s.open(mixnodes)
	if err != nil {
		return fmt.Errorf("simulate %d mixnodes: %w", mixnodes, err)
	}
	s.simulation, s.size, s.index = simulation, mixnodes, make(map[metrics.MixID]int, mixnodes)
	for i, id := range simulation.Mixnodes() {
		s.index[id] = i
	}
	return nil
}

// recorded is a Source that replays what one observer of a trace measured.
type recorded struct {
	trace    *trace.Trace
	observer int
	index    map[metrics.MixID]int
}

// Recorded returns a source that replays an observer of a trace. Tick t is the t-th epoch of the
// file; everything is missing after the last one. The error wraps [trace.ErrObserver].
func Recorded(t *trace.Trace, observer string) (Source, error) {
	found, err := t.Find([]string{observer})
	if err != nil {
		return nil, err
	}
	r := &recorded{trace: t, observer: found[0], index: make(map[metrics.MixID]int, len(t.Mixnodes))}
	for i, id := range t.Mixnodes {
		r.index[id] = i
	}
	return r, nil
}

func (r *recorded) Measure(_ context.Context, mixnodes []metrics.MixID, tick int64) ([]Measurement, error) {
	if tick < 0 || tick >= int64(len(r.trace.Epochs)) {
		return nil, nil
	}
	var measured []Measurement
	for _, id := range mixnodes {
		index, known := r.index[id]
		if !known {
			continue
		}
		if value, ok := r.trace.Value(int(tick), r.observer, index); ok {
			measured = append(measured, Measurement{Mixnode: id, Percent: value})
		}
	}
	return measured, nil
}
